"""A file written as a whole: after a power cut, and to who reads it meanwhile, it is the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from orchestrator.aside import hold, name_aside, new_aside, sweep

UNNAMED = getattr(os, "O_TMPFILE", 0)  # Linux: a file without a name, which goes with its process
OPEN_FILES = Path("/proc/self/fd")  # by which such a file gets a name


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Written aside, on the same disk, to the disk, then put there. Raises OSError; then the old one stands."""
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
def whole_file(path: Path, mode: int, *, replacing: bool = True, synced: bool = True) -> Iterator[IO[bytes]]:
    """The same, for what is written bit by bit: it stands there once the block has come to its end.

    `replacing` False: raises FileExistsError where one is there by then. `synced` False: for what can be made again;
    a power cut may cost it. A killed process leaves nothing with a name, or on a disk that can't do that a file
    that the next one takes away.
    """
    sweep(path.parent, of=path.name)
    descriptor, aside = _opened(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if synced:
                os.fsync(file.fileno())
            aside = _put(file.fileno(), aside, path, replacing=replacing)
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)
    if synced:
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """So that what was renamed in it is so after a power cut, too."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _opened(path: Path, mode: int) -> tuple[int, Path | None]:
    """Open for writing, locked, with its name if it needs one."""
    if UNNAMED and OPEN_FILES.is_dir():
        with suppress(OSError):  # not on this file system; what else is wrong, the next line tells
            file = os.open(path.parent, UNNAMED | os.O_WRONLY | os.O_CLOEXEC, mode)
            hold(file)
            return file, None
    return new_aside(path, mode)


def _put(file: int, aside: Path | None, path: Path, *, replacing: bool) -> Path | None:
    """Into its place, while it is locked still; what has to be taken away then."""
    if aside is None:
        try:
            _name(file, path)
        except FileExistsError:
            if not replacing:
                raise
        else:
            return None
        aside = name_aside(path)
        _name(file, aside)
    elif not replacing:
        os.link(aside, path)  # never overwrites, unlike a rename
        return aside
    try:
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return None


def _name(file: int, path: Path) -> None:
    """Give a file without one a name. Raises FileExistsError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:  # with a folder's number, for else Python does not follow the link
        os.link(OPEN_FILES / str(file), path.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)
