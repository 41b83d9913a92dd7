"""What happened to the workshop, in the order it happened. Whoever writes an event puts no secret into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.state.database import Database


@dataclass(frozen=True, slots=True)
class Event:
    at: str  # ISO 8601, UTC
    kind: str  # a stable word: provisioned, key_rotated
    text: str


class Events:
    """Append-only."""

    def __init__(self, database: Database, now: Callable[[], str]) -> None:
        self._database = database
        self._now = now

    def add(self, kind: str, text: str) -> None:
        self._database.write("INSERT INTO events (at, kind, text) VALUES (?, ?, ?)", (self._now(), kind, text))

    def all(self) -> tuple[Event, ...]:
        """Oldest first."""
        rows = self._database.rows("SELECT at, kind, text FROM events ORDER BY number")
        return tuple(Event(row["at"], row["kind"], row["text"]) for row in rows)
