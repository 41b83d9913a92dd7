"""What is written aside before it is renamed into its place: one way to name it, and to know it for a dead process's.

Whoever writes holds a lock on what lies aside. The kernel lets go of it when the process ends, however it ends; so
whoever gets that lock may take away what lies there, and takes nothing from a command that is at work.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = ".workshop.new"
OURS = re.compile(rf"\..+\.[0-9a-f]{{8}}{re.escape(MARK)}", re.DOTALL)
LOCK = "lock"  # in a folder
PRIVATE_FOLDER = 0o700


def name_aside(path: Path) -> Path:
    """A name beside `path` that nobody has."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{MARK}")


def new_aside(path: Path, mode: int) -> tuple[int, Path]:
    """An empty file beside `path`, locked and open for writing, and its name. Raises OSError."""
    while True:
        aside = name_aside(path)
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        hold(file)
        if os.fstat(file).st_nlink:
            return file, aside
        os.close(file)  # swept before it was locked


def hold(file: int) -> None:
    """Lock it for as long as it is open. Where the file system has no locks, it goes without, and is never swept."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """An empty private folder to work in, gone with the block. Raises BlockingIOError where another process has it."""
    while True:
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # swept before it was locked
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_nlink:
                    break
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
    try:
        for entry in path.iterdir():  # of a process that was killed
            if entry.name != LOCK:
                _remove(entry)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def sweep(folder: Path, *, of: str | None = None) -> None:
    """Take away what killed processes left directly in `folder`; `of`: only what should have become this file.

    What cannot be looked at or removed stays, and is no error.
    """
    ours = OURS if of is None else re.compile(rf"\.{re.escape(of)}\.[0-9a-f]{{8}}{re.escape(MARK)}")
    with suppress(OSError), os.scandir(folder) as entries:
        for found in [entry.name for entry in entries if ours.fullmatch(entry.name)]:
            remove_dead(folder / found)


def remove_dead(path: Path) -> None:
    """A file, or a folder of `folder_aside`, whose process is gone. No link, and nothing of another user."""
    with suppress(OSError):
        found = path.lstat()
        if found.st_uid != os.geteuid() or not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            return
        is_folder = stat.S_ISDIR(found.st_mode)  # whose process may have been killed before it made the lock
        held, make = (path / LOCK, os.O_CREAT) if is_folder else (path, 0)
        lock = os.open(held, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | make, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        finally:
            os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
