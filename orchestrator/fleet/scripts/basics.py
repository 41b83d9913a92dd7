"""What a machine is: its system, its memory, its clock, and the proxies that programs on it are told to use."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def basics(question: Any) -> Any:  # noqa: ARG001 - every script has one
    """`memory` and `available` in bytes, `machine` as x86_64, `proxies` by the names of their variables only."""
    memory = _memory()
    return {
        "python": platform.python_version(),
        "system": _system(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory": memory.get("MemTotal"),
        "available": memory.get("MemAvailable"),
        "proxies": sorted({name.lower() for name in PROXIES if os.environ.get(name)}),
    }


def now(question: Any) -> Any:  # noqa: ARG001 - likewise
    """Seconds since 1970."""
    return time.time()


def _memory() -> dict[str, int]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    pairs = [line.split() for line in lines]
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in pairs if len(words) > 1 and words[1].isdigit()}


def _system() -> str:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition("=")[2].strip("\"'") for line in lines if line.startswith("PRETTY_NAME=")]
    return (names or [platform.system()])[0]
