"""A spec as it was last applied: what commands on a running class go by, whatever the file says by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import SpecError, Where
from orchestrator.spec.document import Document, Path_, read_document
from orchestrator.spec.loader import Spec, load_roster, on_this_machine
from orchestrator.spec.roster import RosterRow
from orchestrator.spec.workshop import HOSTS_UNKNOWN, Workshop

CHANGED = "{file} has changed since it was applied: this goes by the class as it stands (workshop plan {file})"
UNREADABLE = "{file} can't be read now: this goes by the class as it stands (workshop validate {file})"


@dataclass(frozen=True, slots=True)
class KeptSpec:
    """`data` is what was validated, with the hosts of an inventory and with practice mode as it was asked for."""

    text: str
    data: Mapping[str, Any]
    roster: tuple[RosterRow, ...] | None

    @classmethod
    def of(cls, spec: Spec) -> KeptSpec:
        return cls(spec.text, spec.data, spec.roster)

    def restored(self, file: Path) -> Spec:
        """As it was, with paths relative to `file`, where it would be now; nothing is read.

        Raises ValidationError where this program does not take it any more.
        """
        workshop = Workshop.model_validate(dict(self.data), context=HOSTS_UNKNOWN)
        if workshop.practice and workshop.inventory is not None:
            workshop = on_this_machine(workshop)
        return Spec(file, workshop, self.roster, LateDocument(file, self.text), self.text, self.data)

    def remark(self, file: Path, text: str | None) -> str | None:
        """That the file with this text, or its roster, is another one by now; None: they are the same.

        `text` is None where it can't be read.
        """
        if text is None:
            return UNREADABLE.format(file=file.name)
        if text != self.text:
            try:
                read_document(file, text)
            except SpecError:
                return UNREADABLE.format(file=file.name)
            return CHANGED.format(file=file.name)
        roster, problems = load_roster(LateDocument(file, self.text), dict(self.data))
        if problems:
            return UNREADABLE.format(file=file.name)
        return None if _people(roster) == _people(self.roster) else CHANGED.format(file=file.name)


def _people(roster: tuple[RosterRow, ...] | None) -> list[tuple[str | None, ...]]:
    return [(row.name, row.email, row.team, row.id) for row in roster or ()]


class LateDocument(Document):
    """Reads where things stand only when somebody asks, which is when something is wrong."""

    def __init__(self, file: Path, text: str) -> None:
        super().__init__(file)
        self._text: str | None = text

    def where(self, path: Path_, *, key: bool = False) -> Where:
        self._read()
        return super().where(path, key=key)

    def name(self, path: Path_) -> str:
        self._read()
        return super().name(path)

    def _read(self) -> None:
        if self._text is not None:
            found, self._text = read_document(self.file, self._text), None
            self.data, self.values, self.keys = found.data, found.values, found.keys
