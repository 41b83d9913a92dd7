"""The hosts of a workshop, opened: from its spec, and from what the state knows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.ownership import require_ownership
from orchestrator.plan.deployment import project_name
from orchestrator.settings import Settings
from orchestrator.spec.hosts import Host
from orchestrator.spec.loader import Spec
from orchestrator.spec.workshop import THIS_MACHINE
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import lock_owner
from orchestrator.state.state import State

Containers = Mapping[str, Mapping[str, ContainerState]]  # by host, then by service: every host's edge is `edge`
REMOTE_STACKS = PurePosixPath("~/.local/share/workshop")  # of the user who may talk to Docker there


def hosts_of(spec: Spec) -> Sequence[Host]:
    """Practice mode puts all on this machine."""
    return [THIS_MACHINE] if spec.workshop.practice else spec.workshop.hosts


def front_of(spec: Spec) -> str:
    """The name of the gateway's host."""
    return next(host.name for host in hosts_of(spec) if "gateway" in host.roles)


def open_fleet(spec: Spec, settings: Settings, known: Sequence[DeployedHost] = ()) -> Fleet:
    """All hosts of the spec."""
    return Fleet(reached_hosts(spec, settings, known), settings.known_hosts)


def reached_hosts(spec: Spec, settings: Settings, known: Sequence[DeployedHost] = ()) -> tuple[DeployedHost, ...]:
    """How each host of the spec is reached; on those that are known the stack lies where it was left."""
    folders = {(host.name, host.address): host.folder for host in known}
    hosts = [_reached(spec, settings, host) for host in hosts_of(spec)]
    return tuple(replace(h, folder=folders.get((h.name, h.address), h.folder)) for h in hosts)


@contextmanager
def at_front(spec: Spec, settings: Settings, known: Sequence[DeployedHost] = ()) -> Iterator[Machine]:
    """The gateway's host alone."""
    front = front_of(spec)
    hosts = [host for host in reached_hosts(spec, settings, known) if host.name == front]
    with Fleet(hosts, settings.known_hosts) as fleet:
        yield fleet[front]


@contextmanager
def holding_front(spec: Spec, settings: Settings, state: State, command: str) -> Iterator[Machine]:
    """The gateway's host alone, whose class is this state's, while nobody else changes it.

    Raises UserError `lock_held`, `deployed_by_another`.
    """
    with at_front(spec, settings, state.deployed.hosts()) as front, HostLocks(lock_owner(command)) as locks:
        locks.ask(front)
        if state.meta:
            require_ownership(front.name, front.owner(), state.meta.deployment_id)
        locks.require(front)
        yield front


def containers_on(fleet: Fleet, workshop: str, names: Sequence[str] | None = None) -> Containers:
    """The workshop's, of all hosts that answer. Raises HostError where none does."""
    found, failed = fleet.each(lambda machine: machine.docker.containers(workshop), names)
    if failed and not found:
        raise next(iter(failed.values()))
    return found


def _reached(spec: Spec, settings: Settings, host: Host) -> DeployedHost:
    project = project_name(spec.workshop.name)
    if host.is_local:
        return DeployedHost(name=host.name, project=project, folder=PurePosixPath(settings.stack_dir / project))
    return DeployedHost(
        name=host.name,
        connection="ssh",
        address=host.address,
        user=host.user,
        port=host.port,
        key=spec.path(host.key) if host.key else None,
        jump=host.jump,
        host_key=host.host_key,
        become=host.become,
        project=project,
        folder=REMOTE_STACKS / project,
    )
