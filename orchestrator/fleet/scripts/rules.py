"""The gateway's rules in a stack's folder: looked at, and written only while they are what was looked at."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

OVERTAKEN = "somebody changed it meanwhile"
ASIDE = ".new"  # the end of the name that a file has in an archive, before `put` gives it its own


def there(question: Any) -> Any:
    """`folder` of the stack, and the files that matter: `below` (a folder in it) and `path` (one of them).

    Answers `folder` as an absolute path, `owner` (the note beside it), `files` (path to mode and SHA-256), and
    `content` of the one in Base64, None where it is not there.
    """
    folder = Path(question["folder"]).expanduser()
    below, path = folder / question["below"], folder / question["path"]
    files = [file for file in below.rglob("*") if file.is_symlink() or not file.is_dir()]
    content = _read(path)
    return {
        "folder": str(folder),
        "owner": _json(folder.with_name(f"{folder.name}.json")),
        "files": {file.relative_to(folder).as_posix(): _print_of(file) for file in files},
        "content": None if content is None else base64.b64encode(content).decode(),
    }


def replace(question: Any) -> Any:
    """Put `content` (Base64) at `path` if what lies there has the SHA-256 `before`; the mode stays.

    Written aside, to the disk, then renamed. Answers `done`, and `trouble`: why it could not be written.
    """
    path = Path(question["path"])
    aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}.workshop.new")  # as in orchestrator/aside.py
    try:
        with _alone(path):
            if _digest(path) != question["before"]:
                return {"done": False, "trouble": None}
            mode = path.stat().st_mode & 0o777
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # against lock.hold, which sweeps
                os.fchmod(file.fileno(), mode)
                file.write(base64.b64decode(question["content"]))
                file.flush()
                os.fsync(file.fileno())
                _into_place(aside, path)
    except OSError as problem:
        with suppress(OSError):
            aside.unlink()
        return {"done": False, "trouble": problem.strerror or str(problem)}
    return {"done": True, "trouble": None}


def put(aside: str, at: str, before: str) -> None:
    """Put the file `aside` at `at` if what lies there has the SHA-256 `before`; empty: nothing may lie there.

    Where there is none aside it was put already. Ends the process with OVERTAKEN where something else lies there.
    """
    path, new = Path(at), Path(aside)
    if not new.exists():
        return
    with _alone(path):
        if _digest(path) != before:
            raise SystemExit(OVERTAKEN)
        _into_place(new, path)


class _alone:  # noqa: N801 - a context manager, in a text that is sent on its own
    """Everybody who writes one of the files of a folder waits for the others."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent

    def __enter__(self) -> None:
        self._lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)


def _into_place(aside: Path, path: Path) -> None:
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _digest(path: Path) -> str:
    content = _read(path)
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _json(path: Path) -> Any:
    try:
        return json.loads(_read(path) or b"")
    except ValueError:
        return None


def _print_of(path: Path) -> list[Any]:
    try:
        return [path.stat().st_mode & 0o777, hashlib.sha256(path.read_bytes()).hexdigest()]
    except OSError:  # a dangling link
        return [0, ""]
