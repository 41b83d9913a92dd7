"""One command at a time changes a workshop on a host, from whichever machine it comes.

A process on the host holds the lock. It ends with its connection, or when it hears nothing for a while: a killed
command or a laptop that was closed leaves no lock behind.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import lock
from orchestrator.state.lock import LockOwner

BEAT, PATIENCE = 5.0, 30.0  # s
ANSWER, END = 60.0, 10.0  # s for the first word, and for the process to go
HELD, FAILED = "lock_held", "lock_failed"


class HostLocks:
    """Those that one command holds; a context manager that lets go of them, before the fleet is closed."""

    def __init__(self, owner: LockOwner, *, patience: float = PATIENCE) -> None:
        self._owner = owner
        self._patience = patience
        self._holders: dict[str, subprocess.Popen[bytes]] = {}
        self._done = threading.Event()
        self._beating = threading.Lock()
        self._heart: threading.Thread | None = None

    def ask(self, machine: Machine) -> None:
        """Ask for the lock and don't wait: `require` tells whether it came. Asked again, the first one is let go."""
        with self._beating:
            before = self._holders.pop(machine.name, None)
        if before is not None:
            _let_go(before)
            _end(before)
        question = {"folder": str(machine.folder), "note": asdict(self._owner), "patience": self._patience}
        holder = machine.channel.start(lock.hold, question)
        with self._beating:
            self._holders[machine.name] = holder
            if self._heart is None:
                self._heart = threading.Thread(target=self._beat, daemon=True)
                self._heart.start()

    def require(self, machine: Machine) -> None:
        """Raises UserError `lock_held` where somebody else has it, HostError `lock_failed` where none could be had."""
        answer = _answer(machine.name, self._holders[machine.name])
        holder = answer.get("held_by")
        if holder is not None:
            raise held(machine.name, holder)
        if answer.get("trouble"):
            hint = "Make room or give write permission there, then run this again"
            message = f"no lock could be made beside {machine.folder}: {answer['trouble']}"
            raise HostError(FAILED, message, where=Where(host=machine.name), hint=hint)

    def take(self, machine: Machine) -> None:
        """Both at once."""
        self.ask(machine)
        self.require(machine)

    def take_if_possible(self, machine: Machine) -> None:
        """Only `lock_held` is in the way: what is to be removed may be what fills the disk."""
        try:
            self.take(machine)
        except HostError as problem:
            if problem.code != FAILED:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        with self._beating:
            for holder in self._holders.values():
                _let_go(holder)
            for holder in self._holders.values():
                _end(holder)

    def _beat(self) -> None:
        while not self._done.wait(BEAT):
            with self._beating:
                for holder in self._holders.values():
                    _say_something(holder)


def held(host: str, note: Mapping[str, Any]) -> UserError:
    """What is said to who comes second."""
    who = who_holds(note)
    message = f"another command is at work on this workshop there{f': {who}' if who else ''}"
    hint = "Wait for it to end, then run this again. Nothing was changed"
    return UserError(HELD, message, where=Where(host=host), hint=hint)


def who_holds(note: Mapping[str, Any]) -> str | None:
    """In words; None: the note was cut short, or is another version's."""
    try:
        return str(LockOwner(**note))
    except TypeError:
        return None


def require_not_held(failed: Mapping[str, UserError]) -> None:
    """Raises the first UserError `lock_held` of these: a class is not changed on some hosts only."""
    for problem in failed.values():
        if problem.code == HELD:
            raise problem


def _answer(host: str, holder: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert holder.stdout is not None  # noqa: S101 - a pipe, as it was started
    ready = select.select([holder.stdout], [], [], ANSWER)[0]
    try:
        found = json.loads(holder.stdout.readline() if ready else b"")
    except ValueError:
        hint = "Look whether the host still answers (workshop preflight), then run this again"
        raise HostError(FAILED, "no lock could be had there", where=Where(host=host), hint=hint) from None
    return found if isinstance(found, dict) else {}


def _say_something(holder: subprocess.Popen[bytes]) -> None:
    if holder.stdin and holder.poll() is None:
        with contextlib.suppress(OSError):  # it is gone; the command that needs its host will say so
            holder.stdin.write(b".")
            holder.stdin.flush()


def _let_go(holder: subprocess.Popen[bytes]) -> None:
    if holder.stdin:
        with contextlib.suppress(OSError):
            holder.stdin.close()


def _end(holder: subprocess.Popen[bytes]) -> None:
    try:
        holder.wait(END)
    except subprocess.TimeoutExpired:
        holder.kill()
        holder.wait()
    if holder.stdout:
        holder.stdout.close()
