"""Takes a workshop off hosts and looks what is left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.playbook import run_playbook
from orchestrator.workflow.context.run import Report

AGAIN = "Run the same command again; what is already gone stays gone"


def remove_stacks(
    fleet: Fleet, names: Iterable[str], workshop: str, report: Report, log: Path, *, keep_weights: bool = False
) -> dict[str, UserError]:
    """Containers, networks, volumes and files, on all of these at once. What did not work, by host."""
    volumes, failed = fleet.each(lambda machine: _volumes(machine, workshop, keep_weights=keep_weights), names)
    targets = [
        fleet[name].target(
            {"project": fleet[name].host.project, "stack_folder": str(fleet[name].folder), "volumes": found}
        )
        for name, found in volumes.items()
    ]
    if not targets:
        return failed
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, result in run_playbook("teardown.yml", targets, report.say, log).items():
        if result.failed:
            failed[name] = HostError("teardown_failed", result.failed, where=Where(host=name), hint=AGAIN)
    return failed


def left_on(machine: Machine, workshop: str, *, keep_weights: bool = False) -> tuple[str, ...]:
    """What still carries the workshop's label, or lies in its folder: the proof, when it is empty."""
    kept = machine.docker.weights(workshop) if keep_weights else frozenset()
    found = [line for line in machine.docker.leftovers(workshop) if line.removeprefix("volume ") not in kept]
    return tuple(f"{machine.name}: {line}" for line in (*found, *machine.lying()))


def _volumes(machine: Machine, workshop: str, *, keep_weights: bool) -> list[str]:
    kept = machine.docker.weights(workshop) if keep_weights else frozenset()
    return [name for name in machine.docker.leftovers(workshop).volumes if name not in kept]
