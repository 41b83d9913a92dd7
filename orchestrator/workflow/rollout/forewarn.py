"""Step: hosts on which nothing of this class stands yet are looked at as preflight does, and what is wrong is said.

It stops nothing: what can't be done without is told by the step that fails over it. Unchanged hosts cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.checks.preflight.facts import Facts, Needs
from orchestrator.checks.preflight.finding import Finding
from orchestrator.checks.preflight.judge import judge
from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Deployment
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.context.open import seats
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.live import LOADED
from orchestrator.workflow.images.foresee import unavailable
from orchestrator.workflow.rollout.copies import with_copies
from orchestrator.workflow.rollout.needs import host_needs
from orchestrator.workflow.rollout.survey import first_look, second_look
from orchestrator.workflow.wanted.desired import instanced, planned
from orchestrator.workflow.wanted.sizes import known


def forewarn(run: Run) -> Run:
    """Each problem with its remedy, at once and in the notes at the end."""
    fresh = [name for name in run.standing if LOADED not in run.state.deployed.applied(name)]
    if run.spec.workshop.practice or not fresh:
        return run
    facts, _ = run.fleet.each(lambda machine: first_look(machine, run.spec.workshop.name), fresh)
    deployment, needs, _ = needs_of(run.spec, run.state, facts)
    seen, _ = run.fleet.each(lambda m: second_look(m, run.spec, facts[m.name], needs[m.name]), facts)
    seen = with_copies(run.spec, run.state, run.fleet, deployment, seen, run.settings, run.standing)
    found = [finding for name, told in seen.items() for finding in judge(name, told, needs[name])]
    lines = tuple(str(finding) for finding in found if finding.level == "problem")
    for line in lines:
        run.report.say(line)
    return replace(run, notes=(*run.notes, *lines))


def _foreseen(spec: Spec, state: State) -> list[Participant]:
    return [row.participant for row in state.people.preview(seats(spec)).rows]


def needs_of(
    spec: Spec, state: State, facts: Mapping[str, Facts]
) -> tuple[Deployment, dict[str, Needs], list[Finding]]:
    """Where the plan does not come out, that is a finding, and hosts are looked at without it."""
    seen = known(spec, state, ask=True)
    findings: list[Finding] = []
    try:
        deployment = instanced(spec, planned(spec, unavailable(spec, state), seen), _foreseen(spec, state))
    except UserError as problem:
        findings.append(Finding("plan", None, "problem", f"{problem.where}: {problem.message}", problem.hint))
        deployment = Deployment(())
    return deployment, host_needs(spec, state, deployment, seen, facts), findings
