"""Holds the lock of a workshop on its host for as long as somebody at the other end says so."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

MARKED, EARLIER = ".*.workshop.new", ".policy.json.new"  # as stack.replace names what it writes aside, and named it
CHECKED = "*/.new"  # the playbook's
TRIES, PAUSE = 3, 0.02  # s
ASIDE = ".tmp"  # beside the stack's folder: where Ansible puts what it is about to unpack


def hold(question: Any) -> None:
    """`folder` of the stack, `note` about who wants the lock, `patience` in seconds.

    Prints one line: `{"held_by": null}` once the lock is taken, or the note of who has it, `{}` where that can't be
    read; `trouble` is why no lock could be made. Anything on stdin keeps it then. It goes with stdin's end, with this
    process, or after `patience` without a word: the other end is gone. What Ansible left aside goes then too, and
    what a killed command wrote beside the stack's files goes once the lock is taken.
    """
    folder = Path(question["folder"]).expanduser()
    path = folder.with_name(folder.name + ".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _taken(path)
    except OSError as problem:
        print(json.dumps({"held_by": None, "trouble": problem.strerror or str(problem)}), flush=True)
        return
    if lock is None:
        print(json.dumps({"held_by": _note(path)}), flush=True)
        return
    try:
        try:
            os.truncate(lock, 0)
            os.write(lock, json.dumps(question["note"]).encode())
        except OSError:  # a full disk: it is held all the same
            pass
        shutil.rmtree(f"{folder}{ASIDE}", ignore_errors=True)
        _sweep(folder)
        print(json.dumps({"held_by": None}), flush=True)
        while select.select([sys.stdin], [], [], question["patience"])[0] and os.read(sys.stdin.fileno(), 4096):
            pass
    finally:
        shutil.rmtree(f"{folder}{ASIDE}", ignore_errors=True)
        path.unlink()
        os.close(lock)


def holder(question: Any) -> Any:
    """The note of who holds the lock of the stack's `folder`; None: nobody does."""
    path = Path(question["folder"]).expanduser()
    path = path.with_name(path.name + ".lock")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _note(path)
    finally:
        os.close(lock)
    return None


def _taken(path: Path) -> int | None:
    """The open file; None: somebody has it. One that was removed between opening and locking is nobody's."""
    tries = TRIES
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except BlockingIOError:
            tries -= 1
            if not tries:
                os.close(lock)
                return None
            time.sleep(PAUSE)  # it may be `holder`, which only looks
        except FileNotFoundError:
            pass
        os.close(lock)


def _sweep(folder: Path) -> None:
    """Files that nobody writes any more, and new ones that nginx was to check."""
    for aside in [*folder.rglob(MARKED), *folder.rglob(EARLIER)]:
        with suppress(OSError):
            file = os.open(aside, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                aside.unlink()
            finally:
                os.close(file)
    for checked in folder.glob(CHECKED):
        shutil.rmtree(checked, ignore_errors=True)


def _note(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
