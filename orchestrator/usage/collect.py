"""From the gateway's log files into the store: whatever happens in between, no line is doubled and none is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from orchestrator.usage.lines import LONGEST, Line, lines
from orchestrator.usage.store import Position, UsageStore

BATCH = 20_000  # lines of one transaction: what is held in memory, and what a crash makes read again
NEWLINE = b"\n"


class LogFile(Protocol):
    """One file of the gateway's log."""

    def piece(self, offset: int, length: int) -> bytes:
        """So many bytes from there, or as many as there are."""

    def read(self, offset: int) -> Iterator[bytes]:
        """From there to the end, in pieces."""


def collect_file(store: UsageStore, file: LogFile) -> int:
    """Reads what is new; up to which byte. A file is known by its first line, whatever it is called by now."""
    first, newline, _ = file.piece(0, LONGEST).partition(NEWLINE)
    if not newline and len(first) < LONGEST:
        return 0  # still being written
    log = _digest(first)
    end = _known(file, store.position(log))
    found = lines(file.read(end), end)
    while batch := list(islice(found, BATCH)):
        last = batch[-1]
        end = last.end
        store.add(log, _position(last), [line.request for line in batch if line.request], _unreadable(batch))
    return end


def _known(file: LogFile, position: Position | None) -> int:
    """Where the new lines begin. After a power cut a file can be shorter than it was: then all of it is read again."""
    if position is None:
        return 0
    last = file.piece(position.end - position.length, position.length)
    return position.end if _digest(last) == position.digest else 0


def _position(line: Line) -> Position:
    text = line.text + NEWLINE
    return Position(line.end, len(text), _digest(text))


def _unreadable(batch: list[Line]) -> list[int]:
    return [line.end for line in batch if line.unreadable]


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
