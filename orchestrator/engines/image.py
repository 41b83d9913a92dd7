"""What is built from packages: a folder of compose/images/ each, and the name that its content gives the result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.resources import IMAGES

Suite = Literal["bookworm", "forky"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """`name` is the folder and the image's last word; `suite` the Debian release that it stands on."""

    name: str
    suite: Suite
    needs_torch: bool = False

    @property
    def folder(self) -> Path:
        return IMAGES / self.name

    @property
    def tag(self) -> str:
        """Changes when, and only when, a file of the folder changes: an image under this name is never made again."""
        digest = hashlib.sha256(self.suite.encode())
        for path in sorted(item for item in self.folder.rglob("*") if item.is_file()):
            executable = path.stat().st_mode & 0o100
            digest.update(f"\0{path.relative_to(self.folder).as_posix()}\0{bool(executable)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return f"workshop-{self.name}:{digest.hexdigest()[:12]}"
