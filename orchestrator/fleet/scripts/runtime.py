"""Whether a host's GPUs wait for NVIDIA's container toolkit."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

SECONDS = 60  # without persistence mode the driver wakes every GPU first


def lacks_runtime(question: Any) -> Any:  # noqa: ARG001 - every script has one
    """The driver answers for GPUs, and Docker can't give them to a container."""
    hook = shutil.which("nvidia-container-runtime-hook") is not None
    if hook and '"nvidia"' in (_tell(["docker", "info", "--format", "{{json .Runtimes}}"]) or ""):
        return False
    return _tell(["nvidia-smi", "-L"]) is not None


def _tell(command: list[str]) -> str | None:
    """What it prints; None where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
