"""Takes a workshop off hosts and looks what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.playbook import run_playbook
from orchestrator.plan.deployment import WEBUI_SERVICE
from orchestrator.workflow.context.report import Report

KINDS = {  # what is said before the name of each
    "containers": "container ",
    "networks": "network ",
    "volumes": "volume ",
    "files": "",
    "ports": "port ",
    "processes": "process ",
}
AGAIN = "Run the same command again; what is already gone stays gone"


def remove_stacks(
    fleet: Fleet, names: Iterable[str], workshop: str, report: Report, log: Path, *, keep_weights: bool = False
) -> dict[str, UserError]:
    """Containers, networks, volumes and files, on all of these at once. What did not work, by host."""
    there, failed = fleet.each(lambda machine: _there(machine, workshop, keep_weights=keep_weights), names)
    targets = [
        fleet[name].target({"project": fleet[name].host.project, "stack_folder": str(fleet[name].folder), **found})
        for name, found in there.items()
    ]
    if not targets:
        return failed
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, result in run_playbook("teardown.yml", targets, report.say, log).items():
        if result.failed:
            failed[name] = HostError("teardown_failed", result.failed, where=Where(host=name), hint=AGAIN)
    return failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What of a workshop is on a host: the proof, when it is nothing."""

    host: str
    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """By kind."""
        return {kind: len(getattr(self, kind)) for kind in KINDS}

    @property
    def lines(self) -> tuple[str, ...]:
        """One for each thing."""
        return tuple(f"{self.host}: {word}{thing}" for kind, word in KINDS.items() for thing in getattr(self, kind))


def left_on(machine: Machine, workshop: str, *, keep_weights: bool = False, ports: Sequence[int] = ()) -> Left:
    """What still carries the workshop's label, lies in its folder or works on it; `ports` that it had published."""
    kept = machine.docker.weights(workshop) if keep_weights else frozenset()
    found = machine.docker.leftovers(workshop)
    return Left(
        host=machine.name,
        containers=found.containers,
        networks=found.networks,
        volumes=tuple(volume for volume in found.volumes if volume not in kept),
        files=machine.lying(),
        ports=tuple(map(str, machine.listening(ports))) if ports else (),
        processes=machine.running(),
    )


def ports_of(machine: Machine, workshop: str) -> tuple[int, ...]:
    """That the workshop publishes there."""
    return tuple(port for port, holder in machine.docker.published_ports().items() if holder == workshop)


def _there(machine: Machine, workshop: str, *, keep_weights: bool) -> dict[str, list[str]]:
    """What is to be named: volumes, and people's own Open WebUIs, which need no time to save what goes with them."""
    kept = machine.docker.weights(workshop) if keep_weights else frozenset()
    running = {service: one for service, one in machine.docker.containers(workshop).items() if one.state == "running"}
    return {
        "volumes": [name for name in machine.docker.leftovers(workshop).volumes if name not in kept],
        "instances": [one.id for service, one in running.items() if service.startswith(f"{WEBUI_SERVICE}-")],
    }
