"""Every host looked at, before anything is put there: what would fail, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.checks.preflight.faults import image_holes
from orchestrator.checks.preflight.finding import Finding
from orchestrator.checks.preflight.judge import judge, unreached
from orchestrator.errors import HostError, UserError
from orchestrator.plan.deployment import Deployment
from orchestrator.plan.images import reference_for
from orchestrator.settings import Settings
from orchestrator.spec.hosts import Gpus
from orchestrator.spec.loader import Spec
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import hosts_of, open_fleet
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.images.choice import image_choice
from orchestrator.workflow.rollout.copies import with_copies
from orchestrator.workflow.rollout.forewarn import needs_of
from orchestrator.workflow.rollout.survey import first_look, second_look
from orchestrator.workflow.wanted.address import addresses
from orchestrator.workflow.wanted.dns import name_findings

BUSY = {"lock_held", "handed_over"}  # who is at work looks for GPUs, too; a copy's state is of no use


@dataclass(frozen=True, slots=True)
class Preflight:
    workshop: str
    hosts: Mapping[str, str]  # name to address
    reached: frozenset[str]
    gpus: Mapping[str, Gpus]  # that were found, by host
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level == "problem")

    @property
    def unreached(self) -> tuple[str, ...]:
        return tuple(name for name in self.hosts if name not in self.reached)

    @property
    def ok(self) -> bool:
        return not self.problems and not self.unreached


def preflight(spec: Spec, settings: Settings, state_dir: Path | None, report: Report) -> Preflight:
    """Changes nothing on any host; where a hub is out of reach, a container looks for weights and is removed.

    GPUs that it found where the spec declares none are kept in the state.
    """
    begun = time.monotonic()
    folder = state_folder(spec, state_dir, settings)
    with State.read(folder) as state:
        deployed = state.deployed.hosts()
    with open_fleet(spec, settings, deployed) as fleet:
        report.step("Looking at the hosts")
        facts, failed = fleet.each(lambda machine: first_look(machine, spec.workshop.name))
        found = {name: gpus for name, seen in facts.items() if (gpus := seen.gpus.declared) is not None}
        _keep(spec, settings, state_dir, found)
        report.step("Comparing with the plan")
        with State.read(folder) as state:
            deployment, needs, findings = needs_of(spec, state, facts)
            seen, lost = fleet.each(lambda m: second_look(m, spec, facts[m.name], needs[m.name]), facts)
            seen = with_copies(spec, state, fleet, deployment, seen, settings)
    failed = failed | lost
    findings += [*name_findings(addresses(spec.workshop), deployment), *_holes(spec, deployment)]
    for name in fleet:
        findings += judge(name, seen[name], needs[name]) if name in seen else unreached(name, failed[name])
    return Preflight(
        workshop=spec.workshop.name,
        hosts={host.name: host.address for host in hosts_of(spec)},
        reached=frozenset(name for name in fleet if not isinstance(failed.get(name), HostError)),
        gpus=found,
        findings=tuple(findings),
        seconds=time.monotonic() - begun,
    )


def _holes(spec: Spec, deployment: Deployment) -> Iterator[Finding]:
    choice = image_choice(spec)
    return image_holes({component: reference_for(component, choice) for component in deployment.components})


def _keep(spec: Spec, settings: Settings, state_dir: Path | None, found: Mapping[str, Gpus]) -> None:
    """For planning. Where every host declares its GPUs nothing is written, and no state begun."""
    undeclared = {host.name: host.address for host in spec.workshop.hosts if host.gpus is None and host.name in found}
    if spec.workshop.practice or not undeclared:
        return
    folder = state_folder(spec, state_dir, settings)
    try:
        with workshop_lock(folder, "preflight"), State.open(folder) as state:
            for name, address in undeclared.items():
                state.gpus.record(name, address, found[name])
    except UserError as problem:
        if problem.code not in BUSY:
            raise
