"""One archive while it is written: the file, what it holds so far, what could not be had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.archive.manifest import Missing
from orchestrator.archive.names import safe, shown
from orchestrator.archive.writer import ArchiveWriter
from orchestrator.errors import UserError
from orchestrator.workflow.context.report import Report


@dataclass(frozen=True, slots=True)
class Owner:
    """An account at Open WebUI: `id` there; a participant's, or that of somebody who was added there by hand."""

    id: str
    name: str
    participant: str | None = None

    @property
    def label(self) -> str:
        return f"{self.participant} ({self.name})" if self.participant else self.name

    @property
    def folder(self) -> str:
        """For its chats."""
        return safe(f"{self.participant} {self.name}" if self.participant else self.name, "account")


@dataclass(frozen=True, slots=True)
class Gathering:
    writer: ArchiveWriter
    report: Report
    counts: Counter[str] = field(default_factory=Counter)  # by the name in the manifest
    missing: list[Missing] = field(default_factory=list)

    def lacks(self, what: str, why: UserError) -> None:
        told = Missing(what=shown(what), why=shown(why.message))  # names of people, chats and files are in it
        self.missing.append(told)
        self.report.say(f"{told.what}: {told.why}")

    def attempt(self, what: str, part: Callable[[], None]) -> None:
        """The part; what of it can't be had is named, and the rest goes on."""
        self.report.step(what)
        try:
            part()
        except UserError as problem:
            self.lacks(what.lower(), problem)
