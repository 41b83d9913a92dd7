"""Hosts that left the spec, or are at another address by now: what was deployed there is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import reached_hosts
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.rollout.look import LOG
from orchestrator.workflow.rollout.remove import left_on, remove_stacks


def note_leaving(spec: Spec, settings: Settings, state: State) -> tuple[DeployedHost, ...]:
    """Those that must be let go, by what the state knows.

    A host whose name stands for another machine by now is kept under a name of its own, until it was cleaned.
    """
    wanted = {host.name: host for host in reached_hosts(spec, settings)}
    leaving = []
    for host in state.deployed.hosts():
        now = wanted.get(host.name)
        if now is not None and _same_machine(host, now):
            continue
        if now is not None:
            state.deployed.remove_host(host.name)
            host = replace(host, name=f"{host.name}@{host.address}")  # noqa: PLW2901 - the same host
            state.deployed.record_host(host)
        leaving.append(host)
    return tuple(leaving)


def let_go(run: Run) -> Run:
    """Step: after the gateway sends nobody there. One that can't be reached is tried again by the next run."""
    if not run.leaving:
        return run
    workshop, log = run.spec.workshop.name, run.state.folder.logs / LOG
    there, failed = run.leaving.each(lambda machine: left_on(machine, workshop).lines)
    _, held = run.leaving.each(run.locks.take, [name for name, lines in there.items() if lines])
    failed |= held  # who is at work there may be about to use it
    found = [name for name, lines in there.items() if lines and name not in held]
    failed |= remove_stacks(run.leaving, found, workshop, run.report, log) if found else {}
    after, unseen = run.leaving.each(lambda machine: left_on(machine, workshop).lines, there)
    failed |= unseen
    gone = [name for name, lines in after.items() if not lines and name not in failed]
    for name in gone:
        run.state.deployed.remove_host(name)
    left = [line for lines in after.values() for line in lines]
    notes = [
        f"{problem} It left the workshop; what lies there stays until it can be reached." for problem in failed.values()
    ]
    run = replace(run, notes=(*run.notes, *notes, *(f"still there: {line}" for line in left)))
    return run.changed(*(f"{name}: left the workshop; nothing is left there" for name in gone if name in found))


def leaving_engines(run: Run) -> Iterator[str]:
    """The engines on these hosts, as far as they can be asked."""
    found, _ = run.leaving.each(lambda machine: machine.docker.containers(run.spec.workshop.name))
    for containers in found.values():
        yield from (service for service, state in containers.items() if state.role == "engine")


def _same_machine(one: DeployedHost, other: DeployedHost) -> bool:
    return (one.connection, one.address, one.port) == (other.connection, other.address, other.port)
