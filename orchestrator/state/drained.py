"""Backends that get no new requests, by command: outlives every `provision`."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.state.database import Database


class Drained:
    """Each method that writes is one transaction; what is so already is not written again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> frozenset[str]:
        """Names of backends, of some that have left the spec too."""
        return frozenset(row["backend"] for row in self._database.rows("SELECT backend FROM drained"))

    def add(self, backends: Iterable[str]) -> None:
        self._database.write("INSERT OR IGNORE INTO drained VALUES (?)", *((name,) for name in sorted(set(backends))))

    def remove(self, backends: Iterable[str]) -> None:
        self._database.write("DELETE FROM drained WHERE backend = ?", *((name,) for name in sorted(set(backends))))
