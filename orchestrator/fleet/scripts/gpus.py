"""The NVIDIA GPUs of a host, as its driver tells them."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

SECONDS = 60  # without persistence mode the driver wakes every GPU first
QUERY = "--query-gpu=name,memory.total,memory.free,driver_version"


def gpus(question: Any) -> Any:  # noqa: ARG001 - every script has one
    """`each`: name, `total` and `free` (MiB; None where the driver does not say), or None where nvidia-smi gives none.

    Then `said` tells why. `toolkit`: whether the container toolkit's hook is there.
    """
    toolkit = shutil.which("nvidia-container-runtime-hook") is not None
    nothing = {"each": None, "driver": None, "toolkit": toolkit}
    try:
        done = subprocess.run(
            ["nvidia-smi", QUERY, "--format=csv,noheader,nounits"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=SECONDS,
            encoding="utf-8",
        )
    except FileNotFoundError:
        return dict(nothing, said="nvidia-smi is not installed")
    except subprocess.TimeoutExpired:
        return dict(nothing, said=f"nvidia-smi gave no answer within {SECONDS} s")
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or any(len(row) != 4 for row in rows):  # noqa: PLR2004 - as many as were asked for
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        return dict(nothing, said=(lines or ["nvidia-smi ended without a word"])[-1])
    each = [{"name": row[0], "total": _number(row[1]), "free": _number(row[2])} for row in rows]
    return {"each": each, "driver": rows[0][3] if rows else None, "toolkit": toolkit, "said": ""}


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None  # [N/A] where memory is shared with the machine
