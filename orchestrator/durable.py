"""A file written as a whole: after a power cut, and to who reads it meanwhile, it is the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Written aside, in the same folder, to the disk, then renamed. Raises OSError; then the old one stands."""
    with whole_file(path, mode) as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask is
        file.write(content)


def new_file(path: Path, pieces: Iterable[bytes], mode: int) -> int:
    """The same, for one that is too long for the memory, or on a stick without modes; how many bytes it has."""
    with whole_file(path, mode) as file:
        for piece in pieces:
            file.write(piece)
        return file.tell()


@contextmanager
def whole_file(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """The same, for what is written bit by bit: it stands there once the block has come to its end."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)  # of a run that was killed
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """So that what was renamed in it is so after a power cut, too."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
