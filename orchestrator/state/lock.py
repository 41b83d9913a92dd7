"""One command at a time changes a workshop; whoever comes second is told who is at work, since when and why."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from orchestrator.errors import UserError, Where
from orchestrator.state.clock import utc_now
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import StateFolder
from orchestrator.state.handed_over import require_in_charge
from orchestrator.state.leftovers import sweep_state

PATIENCE, PRINTING, POLL = 20.0, 120.0, 0.02  # s for another change of people to be written, for cards, between looks


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Who holds the lock, as the holder itself wrote it down."""

    who: str  # user@machine
    pid: int
    since: str  # ISO 8601, UTC
    why: str  # the command

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}, `{self.why}`) since {self.since}"


class WorkshopLock:
    """The kernel's lock on a file: it goes with the process, however that ends. What a killed one noted is ignored.

    Raises UserError `lock_held` at once when someone else has it, and `handed_over` where this state no longer counts,
    unless `handed_over` says that the command is there for that. `alone`: people can't be changed meanwhile either, as
    the state itself moves or goes.
    """

    def __init__(self, folder: StateFolder, why: str, *, handed_over: bool = False, alone: bool = False) -> None:
        self._folder = folder
        self._why = why
        self._handed_over = handed_over
        self._lock = FileLock(folder.lock, mode=0o600)
        self._alone = alone
        self._people = ExitStack()

    def __enter__(self) -> Self:
        self._folder.create()
        with refusals_explained(self._folder.path):
            try:
                self._lock.acquire(blocking=False)
            except Timeout:
                raise held(self._folder, self._folder.lock) from None
            try:
                sweep_state(self._folder)
                if not self._handed_over:
                    require_in_charge(self._folder)
                self._write_owner()
                if self._alone:
                    self._people.enter_context(PeopleLock(self._folder, handed_over=True))
            except BaseException:
                self._lock.release()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._people.close()
            with refusals_explained(self._folder.path):
                self._folder.lock_owner.unlink(missing_ok=True)
        finally:
            self._lock.release()

    def _write_owner(self) -> None:
        owner = lock_owner(self._why)
        aside = self._folder.lock_owner.with_suffix(".new")
        aside.write_text(json.dumps(asdict(owner)), encoding="utf-8")
        aside.replace(self._folder.lock_owner)


class PeopleLock:
    """Held for the moment in which a change of people is written into the state and to the gateway.

    Other changes wait for it, as do commands that move or remove the state; `provision` and others that take long do
    not hold it, so that a key can be revoked at any time. Raises UserError `lock_held` where it does not come free,
    and `handed_over` as WorkshopLock does.
    """

    def __init__(self, folder: StateFolder, *, patience: float = PATIENCE, handed_over: bool = False) -> None:
        self._folder = folder
        self._patience = patience
        self._handed_over = handed_over
        self._lock = FileLock(folder.people_lock, mode=0o600)

    def __enter__(self) -> Self:
        self._folder.create()
        with refusals_explained(self._folder.path):
            try:
                self._lock.acquire(timeout=self._patience, poll_interval=POLL)
            except Timeout:
                raise held(self._folder, self._folder.people_lock) from None
        if not self._handed_over:
            try:
                require_in_charge(self._folder)
            except BaseException:
                self._lock.release()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()


@contextmanager
def printing(folder: StateFolder) -> Iterator[None]:
    """While cards are written: who comes second waits, and then writes them with what the first one changed."""
    lock = FileLock(folder.print_lock, mode=0o600)
    with refusals_explained(folder.path):
        try:
            lock.acquire(timeout=PRINTING, poll_interval=POLL)
        except Timeout:
            raise held(folder, folder.print_lock) from None
    try:
        yield
    finally:
        lock.release()


def held(folder: StateFolder, lock: Path) -> UserError:
    """What is said to who comes second."""
    owner = at_work(folder)
    return UserError(
        "lock_held",
        f"another command is at work on this workshop: {owner}" if owner else "another command is at work here",
        where=Where(file=lock),
        hint="Wait for it to end, then run this again. Nothing was changed.",
    )


def lock_owner(why: str) -> LockOwner:
    """The process that runs now, at work on `why`."""
    return LockOwner(who_is_here(), os.getpid(), utc_now(), why)


def read_owner(folder: StateFolder) -> LockOwner | None:
    """What the holder noted; of meaning only while the lock is held. None when there is no note that can be read."""
    try:
        return LockOwner(**json.loads(folder.lock_owner.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def at_work(folder: StateFolder) -> LockOwner | None:
    """Who holds the lock now, for those who only look. A killed process of this machine left its note behind."""
    owner = read_owner(folder)
    here = owner is not None and owner.who.endswith(f"@{socket.gethostname()}")
    return None if owner is None or (here and not _is_alive(owner.pid)) else owner


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def who_is_here() -> str:
    """user@machine."""
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a numeric user without a name, as in containers
        return str(os.getuid())
