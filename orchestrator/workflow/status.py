"""What is up, what is not, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engines.reported import Reported
from orchestrator.errors import HostError, UserError
from orchestrator.fleet.disk_room import require_room
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.host_lock import who_holds
from orchestrator.fleet.machine import Machine
from orchestrator.plan.deployment import Deployment
from orchestrator.plan.gateway import Window
from orchestrator.plan.policy import window
from orchestrator.plan.stacks import service_names
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.handed_over import handed_over
from orchestrator.state.lock import at_work
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import front_of, open_fleet
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.gateway.serving import Serving, said, serving
from orchestrator.workflow.gateway.standing import outdated_note, rules_there, standing_policy
from orchestrator.workflow.images.choice import OPTIONAL, recorded_images, wanted_components
from orchestrator.workflow.people.elsewhere import look_in
from orchestrator.workflow.wanted.address import Addresses, addresses
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    service: str
    host: str
    role: str
    model: str | None
    state: str  # healthy, starting, unhealthy, exited, ...
    restarts: int
    up: bool
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Status:
    workshop: str
    provisioned: str | None  # ISO 8601, UTC; None: not yet, or not to the end
    addresses: Addresses
    hosts: Mapping[str, str | None]  # name to what is wrong with it; None: its Docker answers, and there is room
    services: tuple[ServiceStatus, ...]
    active: int
    revoked: int
    removed: int
    accounts: int
    window: str  # always, open, not yet, over
    busy: str | None  # who is at work on it, here or from another machine, and since when
    advice: tuple[str, ...]
    serving: tuple[Serving, ...] = ()  # what each backend serves at once
    page_trouble: str | None = None  # with an Open WebUI that belongs to others

    @property
    def ok(self) -> bool:
        return (
            self.provisioned is not None
            and not any(self.hosts.values())
            and self.page_trouble is None
            and bool(self.services)
            and all(s.up for s in self.services)
        )


def status(spec: Spec, settings: Settings, state_dir: Path | None) -> Status:
    """Looks only. Raises UserError when the state cannot be read."""
    name, folder = spec.workshop.name, state_folder(spec, state_dir, settings)
    page, front = _page_elsewhere(spec), front_of(spec)
    with State.read(folder) as state:
        people, accounts, meta = state.people.all(), state.accounts.all(), state.meta
        drained = state.drained.all()
        deployment = _deployment(spec, state)

        def look(machine: Machine) -> tuple[dict[str, ContainerState], dict[str, Reported], str | None]:
            containers = machine.docker.containers(name)
            return containers, said(machine.docker, containers, deployment), _full_disk(machine)

        with open_fleet(spec, settings, state.deployed.hosts()) as fleet:
            seen, failed = fleet.each(look)
            there = _at_the_gateway(fleet[front], state, spec.file) if front in seen else _Gateway()
    trouble = {host: str(failed[host]) if host in failed else seen[host][2] for host in fleet}
    found = {host: containers for host, (containers, *_) in seen.items()}
    reported = {service: told for _, said_there, _ in seen.values() for service, told in said_there.items()}
    counts = {kind: sum(person.state == kind for person in people) for kind in ("active", "revoked", "removed")}
    services = tuple(
        _service(container, host, spec.file)
        for host, containers in found.items()
        for _, container in sorted(containers.items())
    )
    provisioned = meta.provisioned if meta else None
    ids = {person.id for person in people if person.state == "active"}
    owner = at_work(folder)
    busy = str(owner) if owner else there.busy
    return Status(
        workshop=name,
        provisioned=provisioned,
        addresses=addresses(spec.workshop),
        hosts=trouble,
        services=services,
        active=counts["active"],
        revoked=counts["revoked"],
        removed=counts["removed"],
        accounts=len(ids & set(accounts)),
        window=window_state(window(spec.workshop), time.time()),
        busy=busy,
        advice=(
            *([str(given)] if (given := handed_over(folder)) else ()),
            *there.outdated,
            *_advice(spec.file, provisioned, tuple(filter(None, trouble.values())), services),
            *_drained(spec, services, drained),
            *([page] if page else ()),
        ),
        serving=serving(deployment, reported) if services else (),
        page_trouble=page,
    )


@dataclass(frozen=True, slots=True)
class _Gateway:
    """What its host tells of other machines that changed this class, or are about to."""

    busy: str | None = None
    outdated: tuple[str, ...] = ()


def _at_the_gateway(front: Machine, state: State, spec: Path) -> _Gateway:
    note = front.holder()
    return _Gateway(
        busy=(who_holds(note) or "another command") if note is not None else None,
        outdated=outdated_note(state, standing_policy(rules_there(front)), spec),
    )


def _page_elsewhere(spec: Spec) -> str | None:
    """What is wrong with an Open WebUI that belongs to others; None: it takes the key, or there is none."""
    if not spec.workshop.webui.is_elsewhere:
        return None
    try:
        look_in(spec)
    except UserError as problem:
        return str(problem)
    return None


def _full_disk(machine: Machine) -> str | None:
    try:
        require_room(machine)
    except HostError as problem:
        return str(problem)
    return None


def _deployment(spec: Spec, state: State) -> Deployment:
    """As it was placed, without asking registries and hubs; nothing where the spec does not fit its hosts any more."""
    absent = (
        (OPTIONAL & wanted_components(spec)) - set(recorded_images(state)) if spec.workshop.practice else frozenset()
    )
    try:
        return planned(spec, dict.fromkeys(absent, "the last provision did without it"), known(spec, state))
    except UserError:
        return Deployment(())


def window_state(times: Window, now: float) -> str:
    """Whether keys work now, in a word or two."""
    if times.opens is None or times.closes is None:
        return "always"
    if now < times.opens:
        return "not yet"
    return "open" if now < times.closes else "over"


def _service(container: ContainerState, host: str, spec: Path) -> ServiceStatus:
    state = container.health if container.state == "running" and container.health else container.state
    ended = f"{container.ended}, {container.restarts} restarts; " if container.ended else ""
    logs = f"workshop logs {spec.name} {container.service}; then provision {spec.name}"
    remedy = None if container.is_up else f"{ended}{logs}"
    return ServiceStatus(
        container.service, host, container.role, container.model, state, container.restarts, container.is_up, remedy
    )


def _advice(
    spec: Path, provisioned: str | None, trouble: tuple[str, ...], services: tuple[ServiceStatus, ...]
) -> tuple[str, ...]:
    if trouble:
        return trouble
    if not services:
        return (f"Nothing runs here: provision {spec.name}",)
    down = [service for service in services if not service.up]
    if down:
        return tuple(f"{service.service} is {service.state}: {service.remedy}" for service in down)
    return () if provisioned else (f"The last run did not come to its end: provision {spec.name}",)


def _drained(spec: Spec, services: tuple[ServiceStatus, ...], drained: frozenset[str]) -> tuple[str, ...]:
    """Nobody is sent there, though it may be up."""
    known = {service.service for service in services} | set(service_names(spec.workshop.models).values())
    resume = f"workshop backends resume {spec.file.name}"
    return tuple(f"{name} is drained; to let it answer again: {resume} {name}" for name in sorted(drained & known))
