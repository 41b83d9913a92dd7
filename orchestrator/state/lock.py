"""One command at a time changes a workshop; whoever comes second is told who is at work, since when and why."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator.errors import UserError, Where
from orchestrator.state.clock import utc_now
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import StateFolder
from orchestrator.state.handed_over import require_in_charge
from orchestrator.state.leftovers import sweep_state

AT_ONCE, PATIENCE, PRINTING = 0.0, 20.0, 120.0  # s for other commands, for another change of people, for cards
POLL = 0.02  # s between looks


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Who holds the lock, as the holder itself wrote it down."""

    who: str  # user@machine
    pid: int
    since: str  # ISO 8601, UTC
    why: str  # the command

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}, `{self.why}`) since {self.since}"


@contextmanager
def workshop_lock(folder: StateFolder, why: str, *, handed_over: bool = False, alone: bool = False) -> Iterator[None]:
    """Held by one command at a time. What a killed one noted of itself is ignored.

    Raises UserError `lock_held` at once when someone else has it, and `handed_over` where this state no longer counts,
    unless `handed_over` says that the command is there for that. `alone`: people can't be changed meanwhile either, as
    the state itself moves or goes.
    """
    folder.create()
    with _locked(folder, folder.lock, AT_ONCE):
        with refusals_explained(folder.path):
            sweep_state(folder)
        if not handed_over:
            require_in_charge(folder)
        with _noted(folder, why), people_lock(folder, handed_over=True) if alone else nullcontext():
            yield


@contextmanager
def _noted(folder: StateFolder, why: str) -> Iterator[None]:
    """Who holds the lock, for those who come second."""
    with refusals_explained(folder.path):
        aside = folder.lock_owner.with_suffix(".new")
        aside.write_text(json.dumps(asdict(lock_owner(why))), encoding="utf-8")
        aside.replace(folder.lock_owner)
    try:
        yield
    finally:
        with refusals_explained(folder.path):
            folder.lock_owner.unlink(missing_ok=True)


@contextmanager
def people_lock(folder: StateFolder, *, patience: float = PATIENCE, handed_over: bool = False) -> Iterator[None]:
    """Held for the moment in which a change of people is written into the state and to the gateway.

    Other changes wait for it, as do commands that move or remove the state; `provision` and others that take long do
    not hold it, so that a key can be revoked at any time. Raises UserError `lock_held` where it does not come free,
    and `handed_over` as workshop_lock does.
    """
    folder.create()
    with _locked(folder, folder.people_lock, patience):
        if not handed_over:
            require_in_charge(folder)
        yield


@contextmanager
def printing(folder: StateFolder) -> Iterator[None]:
    """While cards are written: who comes second waits, and then writes them with what the first one changed."""
    with _locked(folder, folder.print_lock, PRINTING):
        yield


@contextmanager
def _locked(folder: StateFolder, file: Path, patience: float) -> Iterator[None]:
    """The kernel's lock on a file: it goes with the process, however that ends. Raises UserError `lock_held`."""
    lock = FileLock(file, mode=0o600)
    with refusals_explained(folder.path):
        try:
            lock.acquire(timeout=patience, poll_interval=POLL)
        except Timeout:
            raise _held(folder, file) from None
    try:
        yield
    finally:
        lock.release()


def _held(folder: StateFolder, lock: Path) -> UserError:
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
