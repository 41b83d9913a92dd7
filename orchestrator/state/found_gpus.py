"""The GPUs that were found on hosts whose spec declares none, so that planning knows them without asking again."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from orchestrator.spec.hosts import Gpus
from orchestrator.state.database import Database


class FoundGpus:
    """Each method that writes is one transaction. A host of the same name at another address is another machine."""

    def __init__(self, database: Database, now: Callable[[], str]) -> None:
        self._database = database
        self._now = now

    def at(self, host: str, address: str) -> Gpus | None:
        """None: nobody looked there yet."""
        row = self._database.row("SELECT gpus FROM found_gpus WHERE host = ? AND address = ?", (host, address))
        try:
            return None if row is None else Gpus.model_validate_json(row["gpus"])
        except ValidationError:  # of another version
            return None

    def record(self, host: str, address: str, gpus: Gpus) -> None:
        """What is so already is not written again."""
        if self.at(host, address) != gpus:
            values = (host, address, gpus.model_dump_json(), self._now())
            self._database.write("INSERT OR REPLACE INTO found_gpus VALUES (?, ?, ?, ?)", values)
