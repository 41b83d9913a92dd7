"""A stack's folder as values: every file with its content and mode, and putting them on the disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from orchestrator.durable import whole_file

PRIVATE = 0o600
READABLE = 0o644  # for containers whose process is not root
RUNNABLE = 0o755


@dataclass(frozen=True, slots=True)
class File:
    """`repr` shows no content: it may be a secret."""

    content: bytes
    mode: int = PRIVATE

    def __repr__(self) -> str:
        return f"File({len(self.content)} bytes, {self.mode:o})"


class Print(NamedTuple):
    """By which a file is known to be the same, wherever it lies."""

    mode: int
    sha256: str


Files = Mapping[str, File]  # by path, relative and with forward slashes
Prints = Mapping[str, Print]


def prints(files: Files) -> dict[str, Print]:
    return {path: Print(file.mode, hashlib.sha256(file.content).hexdigest()) for path, file in files.items()}


def digest(files: Prints) -> str:
    """One SHA-256 over all paths, modes and contents."""
    total = hashlib.sha256()
    for path, (mode, sha256) in sorted(files.items()):
        total.update(f"{path}\0{mode:o}\0{sha256}\n".encode())
    return total.hexdigest()


def differences(there: Prints, wanted: Prints) -> tuple[str, ...]:
    """The paths whose file is missing there, different, or should not be there."""
    return tuple(sorted(path for path in {*there, *wanted} if there.get(path) != wanted.get(path)))


def write_tree(folder: Path, files: Files) -> None:
    """Make `folder` hold exactly these files. Each appears whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, file in files.items():
        target = folder / path
        if _is(target, file):
            continue
        for above in reversed(target.relative_to(folder).parents[:-1]):
            if not (folder / above).is_dir():
                (folder / above).unlink(missing_ok=True)  # a file where a folder must be
                (folder / above).mkdir(mode=0o755)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        with whole_file(target, file.mode, synced=False) as stream:
            stream.write(file.content)
            os.fchmod(stream.fileno(), file.mode)
    for path in _present(folder):
        if path not in files:
            (folder / path).unlink()


def _is(path: Path, file: File) -> bool:
    try:
        return path.stat().st_mode & 0o777 == file.mode and path.read_bytes() == file.content
    except OSError:
        return False


def _present(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()]
