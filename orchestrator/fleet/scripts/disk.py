"""How much room is left on a host where a class writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 30


def room(question: Any) -> Any:
    """Bytes free by path: at the stack's `folder`, and where Docker keeps its own, as far as that can be seen."""
    there = Path(question["folder"]).expanduser()
    while not there.exists():
        there = there.parent
    return {str(path): free for path in (there, *_docker_root()) if (free := _free(path)) is not None}


def _docker_root() -> list[Path]:
    command = ["docker", "info", "--format", "{{.DockerRootDir}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    return [Path(done.stdout.strip())] if done.stdout.strip() else []


def _free(path: Path) -> int | None:
    try:
        at = os.statvfs(path)
    except OSError:
        return None
    return at.f_bavail * at.f_frsize
