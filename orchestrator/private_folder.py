"""Folders for one command among temporary files: removed at its end, or by the next one where it was killed.

Who lives holds a lock on its folder; the kernel lets go of it when a process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

SOCKETS, ANSIBLE, INVENTORY = "workshop-ssh-", "workshop-ansible-", "workshop-inventory-"
LOGS, WHEEL = "workshop-logs-", "workshop-wheel-"
_KINDS = f"{SOCKETS}|{ANSIBLE}|{INVENTORY}|{LOGS}|{WHEEL}"
OURS = re.compile(rf"(?:{_KINDS})[a-z0-9_]{{8}}")  # as tempfile names them
ROOT = Path("/tmp")  # noqa: S108 - for private folders
LONGEST = 40  # characters: sockets lie there, whose paths may have 107, 60 of them below the folder


class PrivateFolder:
    """An empty one at `path`; as a context manager it removes it. `prefix`: one of the above.

    `short`: elsewhere where that path gets long.
    """

    def __init__(self, prefix: str, *, short: bool = False) -> None:
        place = Path(tempfile.gettempdir())
        for where in {place, ROOT}:
            _sweep(where)
        if short and len(str(place / prefix)) + 8 > LONGEST:
            place = ROOT
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            with suppress(FileNotFoundError):  # another command took it for a dead one's before it was locked
                self._lock = os.open(self.path, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if self.path.is_dir():
                    return
                os.close(self._lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep(place: Path) -> None:
    """What killed commands of this user left."""
    for folder in place.glob("workshop-*"):
        with suppress(OSError):  # gone by now, or somebody else's
            if not OURS.fullmatch(folder.name) or folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
