"""The spec as it was last applied, with what the gateway serves since."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from orchestrator.spec.kept import KeptSpec
from orchestrator.spec.roster import RosterRow
from orchestrator.state.database import Database


class AppliedSpec:
    """Each method that writes is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def kept(self) -> KeptSpec | None:
        """None: nothing was applied yet, or by a version that kept none."""
        row = self._database.row("SELECT text, data, roster FROM applied_spec")
        if row is None:
            return None
        roster = json.loads(row["roster"])
        rows = None if roster is None else tuple(RosterRow(**one) for one in roster)
        return KeptSpec(row["text"], json.loads(row["data"]), rows)

    @property
    def native(self) -> frozenset[str] | None:
        """The models that the gateway serves on Ollama's own routes too; None where `kept` is."""
        row = self._database.row("SELECT native FROM applied_spec")
        return frozenset(json.loads(row["native"])) if row else None

    def keep(self, spec: KeptSpec, native: Iterable[str]) -> None:
        """To be called once it is in force at the gateway."""
        roster = None if spec.roster is None else [asdict(row) for row in spec.roster]
        values = (spec.text, *(json.dumps(part, sort_keys=True) for part in (dict(spec.data), roster, sorted(native))))
        before = self._database.row("SELECT text, data, roster, native FROM applied_spec")
        if before is None or tuple(before) != values:
            self._database.write("INSERT OR REPLACE INTO applied_spec VALUES (1, ?, ?, ?, ?)", values)
