"""Whose changes to people and backends a gateway follows: each gets a random id, which only copies made later know."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.state.database import Database

ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Change:
    """What made a revision of the state, as the gateway's policy carries it."""

    id: str
    who: str  # user@machine
    at: str  # ISO 8601, UTC


class Changes:
    """The state's revision grows with every change to people and drained backends, in the change's own transaction."""

    def __init__(self, database: Database, now: Callable[[], str]) -> None:
        self._database = database
        self._now = now

    @property
    def revision(self) -> int:
        row = self._database.row("SELECT number FROM revision")
        return int(row["number"]) if row else 0

    @property
    def last(self) -> Change | None:
        """Of today's revision; None: it was not signed yet."""
        row = self._database.row(
            "SELECT id, who, at FROM changes WHERE revision = (SELECT number FROM revision) ORDER BY rowid DESC LIMIT 1"
        )
        return _read(row) if row else None

    def sign(self, who: str) -> Change:
        """To be called before a gateway is told of today's revision."""
        with self._database.transaction():
            if self.last is None:
                values = (secrets.token_hex(ID_BYTES), self.revision, who, self._now())
                self._database.write("INSERT INTO changes VALUES (?, ?, ?, ?)", values)
            last = self.last
        assert last is not None  # noqa: S101 - written in the lines above
        return last

    def knows(self, change: str) -> bool:
        """Whether this state, or one that it was copied from, made it."""
        return self._database.row("SELECT 1 FROM changes WHERE id = ?", (change,)) is not None

    def outrun(self, revision: int) -> None:
        """Makes the own revision greater than this one, which a gateway has seen."""
        self._database.write("UPDATE revision SET number = max(number, ?)", (revision + 1,))


def _read(row: sqlite3.Row) -> Change:
    return Change(row["id"], row["who"], row["at"])
