"""One SQLite file: opened for writing, every commit on the disk, or as a snapshot in memory for who only reads."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock

from orchestrator.errors import UserError, Where
from orchestrator.state.clock import utc_now
from orchestrator.state.failures import refusals_explained
from orchestrator.state.migrations import MIGRATIONS, Migration

PRIVATE_FILE = 0o600
BUSY_SECONDS = 10.0  # the lock keeps writers apart; this covers a reader's snapshot
Value = str | int | None


class Database:
    """A connection that threads may share: each statement, and each transaction as a whole, has it alone."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._alone = RLock()

    @classmethod
    def open(cls, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> Database:
        """Opens or creates the file (0600) and brings its schema up to date."""
        with refusals_explained(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
            if path.stat().st_mode & 0o777 != PRIVATE_FILE:
                path.chmod(PRIVATE_FILE)
            connection = _connect(path)
            try:
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                _migrate(connection, path, migrations)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    @classmethod
    def memory(cls) -> Database:
        """An empty state that nobody keeps."""
        connection = _memory()
        _migrate(connection, Path(":memory:"), MIGRATIONS)
        return cls(connection, Path(":memory:"))

    @classmethod
    def snapshot(cls, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> Database:
        """What the file says now, in memory; an empty state where there is no file. Creates and changes nothing.

        The file is opened in mode `rw`, not `ro`, so that SQLite can roll back what a killed process left half-written;
        where it may not write, SQLite itself falls back to reading.
        """
        memory = _memory()
        with refusals_explained(path):
            if path.exists():
                with closing(_connect(path)) as file:
                    file.execute("PRAGMA query_only = ON")
                    file.backup(memory)
            _migrate(memory, path, migrations)
            memory.execute("PRAGMA query_only = ON")
        return cls(memory, path)

    @staticmethod
    def copy(path: Path, to: Path) -> None:
        """The file as it is between two commits, into a new one (0600). Whoever writes meanwhile may go on."""
        with refusals_explained(path), closing(_connect(path)) as source:
            os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
            with closing(_connect(to)) as target:
                source.backup(target)

    def close(self) -> None:
        self._connection.close()

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        with self._alone, refusals_explained(self._path):
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        found = self.rows(statement, values)
        return found[0] if found else None

    def write(self, statement: str, *rows: Sequence[Value]) -> None:
        """Runs the statement once for each row, in one transaction."""
        with self.transaction(), refusals_explained(self._path):
            self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, on the disk when it returns. Inside another one it is part of that."""
        with self._alone:
            if self._connection.in_transaction:
                yield
                return
            with refusals_explained(self._path):
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield  # not inside `refusals_explained`: the caller's errors are not about this file
                with refusals_explained(self._path):
                    self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite may have rolled back by itself, as when the disk was full
                    self._connection.execute("ROLLBACK")
                raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").fetchone()
    done = connection.execute("SELECT max(number) FROM migrations").fetchone()[0] or 0 if known else 0
    if done > len(migrations):
        raise UserError(
            "state_newer",
            f"this state comes from a newer version of the program (schema {done}, this one knows {len(migrations)})",
            where=Where(file=path),
            hint="Install that version or a later one.",
        )
    if done == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations "
            "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL) STRICT"
        )
        done = connection.execute("SELECT max(number) FROM migrations").fetchone()[0] or 0
        for number, migration in enumerate(migrations[done:], start=done + 1):
            migration(connection)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, migration.__name__, utc_now()))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
