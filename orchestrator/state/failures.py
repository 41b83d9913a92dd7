"""What the operating system and SQLite can refuse in the state folder, each as one line with the next step."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import UserError, Where

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_SQLITE = {  # primary result codes, https://www.sqlite.org/rescode.html
    sqlite3.SQLITE_READONLY: "state_not_writable",
    sqlite3.SQLITE_CANTOPEN: "state_not_writable",
    sqlite3.SQLITE_PERM: "state_not_writable",
    sqlite3.SQLITE_AUTH: "state_not_writable",
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_BUSY: "state_busy",
    sqlite3.SQLITE_LOCKED: "state_busy",
    sqlite3.SQLITE_NOTADB: "state_corrupt",
    sqlite3.SQLITE_CORRUPT: "state_corrupt",
    sqlite3.SQLITE_IOERR: "state_io",
}
_NO_SPACE = 64 * 1024  # bytes
_PRIMARY = 0xFF  # an extended code carries its primary code in the low byte


@contextmanager
def refusals_explained(place: Path) -> Iterator[None]:
    """Turns OSError and sqlite3.Error about `place` into UserError; anything else passes."""
    try:
        yield
    except OSError as error:
        code = "disk_full" if error.errno in _DISK_FULL or _cut_short(error, place) else "state_not_writable"
        raise _refusal(code, place, error.strerror or str(error)) from error
    except sqlite3.DatabaseError as error:
        code = _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY, "")
        if not code:
            raise  # a constraint or a wrong statement: a bug of this program
        raise _refusal(code, place, str(error)) from error


def _cut_short(error: OSError, place: Path) -> bool:
    """NumPy says in words only, without a number, that fewer bytes went out than it had."""
    if error.errno is not None:
        return False
    there = next((folder for folder in (place, *place.parents) if folder.exists()), Path("/"))
    return shutil.disk_usage(there).free < _NO_SPACE


def _refusal(code: str, place: Path, why: str) -> UserError:
    messages = {
        "state_not_writable": (
            f"the state can't be kept or read here ({why})",
            "Make this place yours to read and write, or name another folder with --state-dir DIR.",
        ),
        "disk_full": (
            f"no space is left for the state ({why})",
            "Free some space and run the same command again; nothing was half-written.",
        ),
        "state_busy": (
            "another command is writing the state",
            "Wait for it to end, then run the same command again.",
        ),
        "state_corrupt": (
            f"this is not a state that can be read ({why})",
            "Put the folder back from a backup, or move it away to begin anew (all keys will change).",
        ),
        "state_io": (
            f"the disk refused the state ({why})",
            "Look at the disk or the network folder, or name another one with --state-dir DIR.",
        ),
    }
    message, hint = messages[code]
    return UserError(code, message, where=Where(file=place), hint=hint)
