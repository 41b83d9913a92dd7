"""Where each backend was placed, so that a later plan leaves what runs where it is."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.state.database import Database

Place = tuple[str, tuple[int, ...]]  # a host's name, and GPUs there


class Placements:
    """By service. Each method that writes is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Place]:
        return {
            row["service"]: (row["host"], tuple(int(gpu) for gpu in row["gpus"].split(",") if gpu))
            for row in self._database.rows("SELECT * FROM placements ORDER BY service")
        }

    def record(self, places: Mapping[str, Place]) -> None:
        """These and no others; what is so already is not written again."""
        if places == self.all():
            return
        with self._database.transaction():
            self._database.write("DELETE FROM placements", ())
            values = [(name, host, ",".join(map(str, gpus))) for name, (host, gpus) in sorted(places.items())]
            if values:
                self._database.write("INSERT INTO placements VALUES (?, ?, ?)", *values)
