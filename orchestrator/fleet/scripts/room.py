"""What images meet on a host: which registries answer it, and how much room its Docker has."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from typing import Any

SECONDS = 3
ANSWERS = (200, 401)  # of a registry to GET /v2/ (github.com/opencontainers/distribution-spec)


def room(question: Any) -> Any:
    """`addresses` of registries, with http:// or https://. Answers `answering` (those that do), and where Docker keeps
    images: `root`, with `free` bytes; None: it can't be told.
    """
    addresses = list(question["addresses"])
    found: dict[str, bool] = {}

    def ask(address: str) -> None:
        found[address] = _answers(address)

    asking = [threading.Thread(target=ask, args=(address,), daemon=True) for address in addresses]
    until = time.monotonic() + SECONDS + 1  # a resolver may hang for longer than a connection
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(max(0, until - time.monotonic()))
    root, free = _free()
    return {"answering": [address for address in addresses if found.get(address)], "free": free, "root": root}


def _answers(address: str) -> bool:
    anyone = ssl._create_unverified_context()  # noqa: S323, SLF001 - whom to trust is the engine's to say
    try:
        with urllib.request.urlopen(f"{address}/v2/", timeout=SECONDS, context=anyone) as answer:  # noqa: S310 - http(s)
            return answer.status in ANSWERS
    except urllib.error.HTTPError as error:
        return error.code in ANSWERS
    except (OSError, ValueError):
        return False


def _free() -> tuple[str | None, int | None]:
    try:
        command = ["docker", "info", "--format", "{{.DockerRootDir}}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        root = done.stdout.strip()
        there = os.statvfs(root)
    except (OSError, subprocess.SubprocessError):
        return None, None
    return root, there.f_bavail * there.f_frsize
