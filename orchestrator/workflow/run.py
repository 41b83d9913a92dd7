"""What one provisioning knows as it goes: each step gets a `Run` and returns it with what it found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from orchestrator.checks.check import Check
from orchestrator.errors import WorkshopError
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.participants import Participant
from orchestrator.plan.deployment import Deployment
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.desired import Desired


class Report(Protocol):
    """Where a workflow says what it is doing: a progress display, or plain lines."""

    def step(self, title: str) -> None:
        """A new step begins."""

    def say(self, line: str) -> None:
        """Something within the step, worth a line of its own."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the spec."""

    state_dir: Path | None = None
    take_over: bool = False  # of a workshop of this name that somebody else deployed


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    spec: Spec
    options: Options
    settings: Settings
    report: Report
    state: State
    docker: DockerHost | None = None
    people: tuple[Participant, ...] = ()
    images: Mapping[Component, str] = field(default_factory=dict)
    deployment: Deployment | None = None
    desired: Desired | None = None
    changes: tuple[str, ...] = ()  # one line for each thing that was changed
    notes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    failed_hosts: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def planned(self) -> Desired:
        if self.desired is None:
            raise WorkshopError("a step needs the rendered stacks before they are there")
        return self.desired

    @property
    def engine_room(self) -> DockerHost:
        """The Docker engine of the host."""
        if self.docker is None:
            raise WorkshopError("a step needs Docker before it was looked at")
        return self.docker

    @property
    def ok(self) -> bool:
        return not self.broken and not self.failed_hosts and all(check.ok for check in self.checks)

    def changed(self, *lines: str) -> Run:
        """The run with these changes noted, each said at once."""
        for line in lines:
            self.report.say(line)
        return replace(self, changes=(*self.changes, *lines))
