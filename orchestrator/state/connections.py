"""What commands said of Open WebUI's own connections: outlives every `provision`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from orchestrator.durable import replace_file
from orchestrator.state.database import Database
from orchestrator.state.failures import refusals_explained

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


@dataclass(frozen=True, slots=True)
class ConnectionOverride:
    """`fields` replace those of the spec, or are the whole connection where a command `added` it."""

    name: str
    added: bool = False
    taken_out: bool = False  # though the spec names it
    key_given: bool = False  # by command, in place of the spec's
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def says_nothing(self) -> bool:
        return not (self.added or self.taken_out or self.key_given or self.fields)


class Connections:
    """Keys are apart, in private files: they open more than the class, so that an export may leave them out."""

    def __init__(self, database: Database, keys: Path) -> None:
        self._database = database
        self._keys = keys

    def all(self) -> dict[str, ConnectionOverride]:
        """By name, in the order of names."""
        rows = self._database.rows("SELECT * FROM connections ORDER BY name")
        return {row["name"]: _read(row) for row in rows}

    def put(self, override: ConnectionOverride) -> None:
        """One that says nothing is forgotten."""
        if override.says_nothing:
            self._database.write("DELETE FROM connections WHERE name = ?", (override.name,))
        else:
            self._database.write(
                "INSERT OR REPLACE INTO connections VALUES (?, ?, ?, ?, ?)",
                (
                    override.name,
                    int(override.added),
                    int(override.taken_out),
                    int(override.key_given),
                    json.dumps(dict(override.fields), sort_keys=True),
                ),
            )

    def key(self, name: str) -> SecretStr | None:
        """None: it was not kept, or it did not come along when the state was handed over."""
        file = self._keys / name
        with refusals_explained(file):
            return SecretStr(file.read_text(encoding="utf-8")) if file.exists() else None

    def keep_key(self, name: str, key: SecretStr) -> None:
        """Before it is told that there is one."""
        with refusals_explained(self._keys):
            self._keys.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            replace_file(self._keys / name, key.get_secret_value().encode(), PRIVATE_FILE)

    def forget_keys(self) -> None:
        """All that no command speaks of any more; after what said so is on the disk."""
        known = {override.name for override in self.all().values() if override.key_given}
        with refusals_explained(self._keys):
            for file in self._keys.glob("*") if self._keys.is_dir() else ():
                if file.name not in known:
                    file.unlink(missing_ok=True)

    def keys(self) -> tuple[SecretStr, ...]:
        """All that were kept."""
        return tuple(key for name in self.all() if (key := self.key(name)))


def _read(row: sqlite3.Row) -> ConnectionOverride:
    return ConnectionOverride(
        row["name"],
        added=bool(row["added"]),
        taken_out=bool(row["taken_out"]),
        key_given=bool(row["key_given"]),
        fields=json.loads(row["fields"]),
    )
