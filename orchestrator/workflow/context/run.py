"""What one provisioning knows as it goes: each step gets a `Run` and returns it with what it found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.checks.check import Check
from orchestrator.errors import UserError, WorkshopError
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.fleet.machine import Machine
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Deployment
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import Containers, containers_on
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.wanted.desired import Desired


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the spec."""

    state_dir: Path | None = None
    take_over: bool = False  # of a workshop of this name that somebody else deployed
    older_state: bool = False  # go on with this state, though the gateway follows a newer copy of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    spec: Spec
    options: Options
    settings: Settings
    report: Report
    state: State
    fleet: Fleet
    locks: HostLocks  # on hosts, held until the end
    leaving: Fleet  # hosts that left the spec, and must be cleaned
    front_name: str  # the gateway's host
    images: Mapping[Component, str] = field(default_factory=dict)
    deployment: Deployment | None = None
    desired: Desired | None = None
    changes: tuple[str, ...] = ()  # one line for each thing that was changed
    notes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    failed_hosts: Mapping[str, str] = field(default_factory=dict)  # name to why; the rest goes on without them
    checks: tuple[Check, ...] = ()

    @property
    def people(self) -> tuple[Participant, ...]:
        """All who ever took part, as they are by now: commands may change them while this runs."""
        return self.state.people.all()

    @property
    def identity(self) -> Identity:
        """Of these."""
        return identity_of(self.spec, self.state)

    @property
    def planned(self) -> Desired:
        if self.desired is None:
            raise WorkshopError("a step needs the rendered stacks before they are there")
        return self.desired

    @property
    def front(self) -> Machine:
        """The gateway's host."""
        return self.fleet[self.front_name]

    @property
    def standing(self) -> tuple[str, ...]:
        """The hosts that did not fail so far."""
        return tuple(name for name in self.fleet if name not in self.failed_hosts)

    def containers(self) -> Containers:
        """Of the workshop, on all hosts that stand."""
        return containers_on(self.fleet, self.spec.workshop.name, self.standing)

    @property
    def ok(self) -> bool:
        return not self.broken and not self.failed_hosts and all(check.ok for check in self.checks)

    def without(self, failed: Mapping[str, UserError]) -> Run:
        """The run without these hosts, each said at once. The gateway's host can't be done without."""
        if self.front_name in failed:
            raise failed[self.front_name]
        for problem in failed.values():
            self.report.say(f"{problem}")
        return replace(self, failed_hosts={**self.failed_hosts, **{name: str(why) for name, why in failed.items()}})

    def changed(self, *lines: str) -> Run:
        """The run with these changes noted, each said at once."""
        for line in lines:
            self.report.say(line)
        return replace(self, changes=(*self.changes, *lines))
