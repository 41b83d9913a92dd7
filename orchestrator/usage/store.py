"""Every request that was collected, in a database of its own: `workshop status` need not read a million lines.

Not in the state: whoever reads that takes a snapshot of all of it, and a collection must not wait for a `provision`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from orchestrator.state.database import Database, Value
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import PRIVATE_FOLDER, StateFolder
from orchestrator.state.migrations import Migration
from orchestrator.usage.lines import Request


def m001_requests(connection: sqlite3.Connection) -> None:
    """Requests, teams, how far each log was read, and where it could not be."""
    for statement in (
        """CREATE TABLE requests (
            id TEXT PRIMARY KEY,
            at INTEGER NOT NULL,
            participant TEXT,
            via TEXT,
            method TEXT,
            path TEXT,
            model TEXT,
            upstream TEXT,
            backend TEXT,
            attempts INTEGER,
            status INTEGER NOT NULL,
            error TEXT,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            estimated INTEGER NOT NULL,
            ttft_ms INTEGER,
            complete INTEGER NOT NULL,
            duration_ms INTEGER,
            bytes INTEGER
        ) STRICT""",
        """CREATE TABLE logs (
            log TEXT PRIMARY KEY,
            read_to INTEGER NOT NULL,
            length INTEGER NOT NULL,
            digest TEXT NOT NULL
        ) STRICT""",
        "CREATE TABLE teams (participant TEXT PRIMARY KEY, team TEXT NOT NULL) STRICT",
        "CREATE TABLE unreadable (log TEXT NOT NULL, before INTEGER NOT NULL, PRIMARY KEY (log, before)) STRICT",
    ):
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (m001_requests,)
_PLACES = ", ".join("?" * len(Request._fields))
_INSERT = f"INSERT INTO requests VALUES ({_PLACES}) ON CONFLICT (id) DO NOTHING"  # noqa: S608 - question marks


class Position(NamedTuple):
    """How far a log was collected, and the last line before that, by which the place is found again."""

    end: int  # the offset of the byte after that line
    length: int  # of that line with its newline, in bytes
    digest: str


def usage_file(folder: StateFolder, deployment_id: str) -> Path:
    """One for each deployment: the next class has other people under the same ids. Stays after teardown."""
    return folder.usage / f"{deployment_id}.sqlite3"


class UsageStore:
    """A context manager that closes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, file: Path) -> UsageStore:
        """Makes it (0600) where it is missing. Raises UserError for all that the disk or the file refuses."""
        with refusals_explained(file.parent):
            file.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        return cls(Database.open(file, MIGRATIONS))

    def position(self, log: str) -> Position | None:
        """How far this log was collected; None: not at all."""
        row = self._database.row("SELECT read_to, length, digest FROM logs WHERE log = ?", (log,))
        return None if row is None else Position(row["read_to"], row["length"], row["digest"])

    def add(self, log: str, position: Position, requests: Sequence[Request], unreadable: Sequence[int]) -> None:
        """What was read up to there, in one transaction. A request that is there already is there once."""
        with self._database.transaction():
            self._database.write(_INSERT, *requests)
            self._database.write("INSERT OR IGNORE INTO unreadable VALUES (?, ?)", *((log, end) for end in unreadable))
            self._database.write("INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?)", (log, *position))

    def put_teams(self, teams: Mapping[str, str]) -> None:
        """Who is in which team now; kept, so that the figures of a class that is over can still be told by team."""
        if teams != self.teams():
            with self._database.transaction():
                self._database.write("DELETE FROM teams", ())
                self._database.write("INSERT INTO teams VALUES (?, ?)", *teams.items())

    def teams(self) -> dict[str, str]:
        """Of each participant who is in one."""
        return {row["participant"]: row["team"] for row in self._database.rows("SELECT participant, team FROM teams")}

    def requests(self) -> int:
        return self._count("requests")

    def unreadable(self) -> int:
        """Lines, since the class began."""
        return self._count("unreadable")

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        return self._database.rows(statement, values)

    def _count(self, table: str) -> int:
        row = self._database.row(f"SELECT count(*) AS number FROM {table}")  # noqa: S608 - one of the two above
        assert row is not None  # noqa: S101 - count(*) always gives one
        return int(row["number"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()
