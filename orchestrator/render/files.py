"""A stack's folder as values: every file with its content and mode, and putting them on the disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


Files = Mapping[str, File]  # by path, relative and with forward slashes


def digest(files: Files) -> str:
    """One SHA-256 over all paths, modes and contents."""
    total = hashlib.sha256()
    for path, file in sorted(files.items()):
        total.update(f"{path}\0{file.mode:o}\0{hashlib.sha256(file.content).hexdigest()}\n".encode())
    return total.hexdigest()


def read_tree(folder: Path) -> dict[str, File]:
    """The files that lie in `folder`, by path; none where there is no folder."""
    found = {path: folder / path for path in _present(folder)}
    return {path: File(file.read_bytes(), file.stat().st_mode & 0o777) for path, file in found.items()}


def differences(folder: Path, files: Files) -> tuple[str, ...]:
    """The paths whose file in `folder` is missing, different, or should not be there."""
    wrong = [path for path, file in files.items() if not _is(folder / path, file)]
    extra = [path for path in _present(folder) if path not in files]
    return tuple(sorted([*wrong, *extra]))


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
        aside = target.with_name(f".{target.name}.new")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, file.mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content)
            os.fchmod(stream.fileno(), file.mode)
        aside.replace(target)
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
