"""What `provision` would do, found out by looking only."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.fleet.machine import Machine
from orchestrator.participants import Participant
from orchestrator.plan.capacity import Serves
from orchestrator.plan.crowd import crowd_remarks, people_for
from orchestrator.plan.deployment import WEBUI_SERVICE, Deployment
from orchestrator.plan.remarks import remarks
from orchestrator.settings import Settings
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.components import Component
from orchestrator.spec.knowledge_files import find_knowledge, left_out
from orchestrator.spec.loader import Spec
from orchestrator.state.handed_over import handed_over
from orchestrator.state.seats import Enrolled
from orchestrator.state.state import State
from orchestrator.webui.wanted import Foreseen
from orchestrator.workflow.archives.leavers import leaves_chats
from orchestrator.workflow.context.hosts import front_of, open_fleet
from orchestrator.workflow.context.open import seats, state_folder
from orchestrator.workflow.gateway.certificates import Served, served
from orchestrator.workflow.gateway.live import LOADED, behind_gateway, standing_policy
from orchestrator.workflow.images.choice import recorded_images
from orchestrator.workflow.images.foresee import unavailable
from orchestrator.workflow.people.knowledge import copies_note, foreseen
from orchestrator.workflow.people.own_pages import look_at_instances
from orchestrator.workflow.people.seed import foresee
from orchestrator.workflow.rollout.difference import Difference, difference
from orchestrator.workflow.wanted.connections import overrides as connection_overrides
from orchestrator.workflow.wanted.desired import Desired, desired, instanced, planned
from orchestrator.workflow.wanted.memory import instance_notes
from orchestrator.workflow.wanted.sizes import known

UNASKED = "nothing is deployed yet, and no host was asked: `workshop preflight` looks at them all"


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: participant, archive, certificate, image, container, files, rules or webui; `host` None: on none."""

    action: str  # add, return, change, remove, make, create, recreate, start, choose, update
    what: str
    name: str
    host: str | None
    detail: str | None = None

    def __str__(self) -> str:
        place = f" on {self.host}" if self.host else ""
        return f"{self.action} {self.what} {self.name}{place}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one backend goes."""

    model: str
    service: str
    engine: str
    runs: str  # the component that runs in its place
    host: str
    gpus: tuple[int, ...]
    replica: int = 1
    memory_gib: float | None = None  # of each of its GPUs, that it may take; None: not known, or no GPU
    serves: Serves | None = None  # at once
    people: int | None = None  # that it can serve, where the assumed share of them asks at once; None: cannot estimate


@dataclass(frozen=True, slots=True)
class Plan:
    workshop: str
    changes: tuple[Change, ...]
    backends: tuple[Placement, ...]
    notes: tuple[str, ...]
    at_once: float = Capacity().at_once  # the share of people who ask in the same moment, as assumed


def make_plan(spec: Spec, settings: Settings, state_dir: Path | None) -> Plan:
    """Raises SpecError when something does not fit. Writes nothing, locks nothing."""
    folder = state_folder(spec, state_dir, settings)
    with State.read(folder) as state:
        deployment = planned(spec, unavailable(spec, state), known(spec, state, ask=True))
        people = state.people.preview(seats(spec))
        deployment = instanced(spec, deployment, [row.participant for row in people.rows])
        changes = [Change(c.kind, "participant", c.after.id, None, c.after.name) for c in people.changes]
        leaving = [c.before for c in people.changes if c.kind == "removed" and c.before]
        changes += [
            Change("make", "archive", person.id, None, "the chats, before the account is closed")
            for person in leaving
            if state.meta and leaves_chats(spec, state, person)
        ]
        shown = served(spec, folder)
        changes += [Change("make", new.what, new.name, None, new.reason) for new in shown.new]
        recorded = recorded_images(state)
        fresh = sorted(deployment.components - set(recorded))
        changes += [Change("choose", "image", str(component), None) for component in fresh]
        everybody = [row.participant for row in people.rows]
        given = handed_over(folder)
        notes = [str(given)] if given else []
        notes += [
            *deployment.notes,
            *instance_notes(deployment),
            *copies_note(spec, deployment, everybody),
            *remarks(spec, everybody),
            *crowd_remarks(spec, deployment, everybody),
        ]
        for host, found in _differences(spec, settings, state, deployment, shown, notes, fresh=bool(fresh)).items():
            changes += _changes(found, host)
        if spec.workshop.webui.is_own:
            changes += _own_webui_changes(spec, settings, state, deployment, everybody, changes, notes)
        else:
            changes += _webui_changes(spec, state, tuple(everybody), changes, notes)
        notes += left_out(spec, find_knowledge(spec))
        notes += overrides(people.rows, state.drained.all())
        notes += connection_overrides(spec, state) if spec.workshop.webui.is_shared else ()
    share = spec.workshop.capacity.at_once
    placements = tuple(
        Placement(
            b.model,
            b.service,
            str(b.engine),
            str(b.container.component),
            b.host,
            b.gpus,
            b.replica,
            b.memory_gib,
            b.serves,
            people_for(b.serves.requests, share) if b.serves and b.serves.requests is not None else None,
        )
        for b in deployment.backends
    )
    return Plan(spec.workshop.name, tuple(changes), placements, tuple(notes), share)


def _webui_changes(
    spec: Spec, state: State, people: tuple[Participant, ...], changes: Sequence[Change], notes: list[str]
) -> list[Change]:
    """Where it stands, it is asked for all that differs; else what is known of it is what was put there last."""
    files = foreseen(spec, state)
    found = [Foreseen("knowledge", files)] if files else []
    if state.meta and not any(change.name == WEBUI_SERVICE for change in changes):
        try:
            found = list(foresee(spec, state, people))
        except UserError as problem:
            notes.append(f"Open WebUI could not be asked what differs there: {problem.message}")
    return _foreseen(found, changes)


def _own_webui_changes(
    spec: Spec,
    settings: Settings,
    state: State,
    deployment: Deployment,
    people: Sequence[Participant],
    changes: Sequence[Change],
    notes: list[str],
) -> list[Change]:
    """Of those that run and go on running, each line with its name."""
    touched = {change.name for change in changes if change.what == "container"}
    running = [one for stack in deployment.stacks for one in stack.running if one.service not in touched]
    if state.meta is None:
        return []
    looked = look_at_instances(spec, state, people, running, settings)
    notes += [
        f"Open WebUI ({service}) could not be asked what differs there: {why}"
        for service, why in looked.unasked.items()
    ]
    return [
        replace(change, name=f"{change.name} in {service}")
        for service, found in looked.found.items()
        for change in _foreseen(found, changes)
    ]


def _foreseen(found: Sequence[Foreseen], changes: Sequence[Change]) -> list[Change]:
    """But for what follows from changes to the people."""
    coming = {f"account {change.name}" for change in changes if change.what == "participant"}
    return [
        Change("update" if one.how else "create", "webui", one.what, None, one.how)
        for one in found
        if one.what not in coming and not (coming and one.what.startswith("group "))
    ]


def overrides(rows: Sequence[Enrolled], drained: AbstractSet[str]) -> list[str]:
    """What commands said, and no `provision` takes back."""
    by_command = {
        "added": [row.participant.id for row in rows if row.added and row.present],
        "removed": [row.participant.id for row in rows if row.taken_out],
        "revoked": [row.participant.id for row in rows if row.participant.state == "revoked"],
        "drained": sorted(drained),
    }
    return [f"{what} by command, and stays so: {', '.join(names)}" for what, names in by_command.items() if names]


def _differences(
    spec: Spec,
    settings: Settings,
    state: State,
    deployment: Deployment,
    shown: Served,
    notes: list[str],
    *,
    fresh: bool,
) -> dict[str, Difference]:
    """By host, in the order of the stacks."""
    meta = state.meta
    if meta is None:
        if not all(stack.host.is_local for stack in deployment.stacks):
            notes.append(UNASKED)
        return {stack.host.name: Difference(create=stack.services) for stack in deployment.stacks}
    wanted: Desired | None = None
    if not fresh:
        images = {component: image.pinned for component, image in recorded_images(state).items()}
        wanted = desired(
            spec,
            deployment,
            [row.participant for row in state.people.preview(seats(spec)).rows],
            secret=state.secret,
            deployment_id=meta.deployment_id,
            images={Component(c): image for c, image in images.items()},
            cache=state.folder.rendered / ".cache",
            tls=shown.files,
            edges=shown.edges,
            revision=state.revision,
            drained=state.drained.all(),
        )
    stacks = {stack.host.name: stack for stack in deployment.stacks}

    def compare(machine: Machine) -> Difference:
        stack = stacks[machine.name]
        containers = machine.docker.containers(spec.workshop.name)
        if wanted is None:
            return Difference(create=tuple(name for name in stack.services if name not in containers))
        files, loaded = wanted.files[machine.name], state.deployed.applied(machine.name).get(LOADED)
        machine.owner()  # tells where the stack lies
        return difference(stack, files, machine.stack(files["compose.yaml"].content.decode()), containers, loaded)

    with open_fleet(spec, settings, state.deployed.hosts()) as fleet:
        found, failed = fleet.each(compare, stacks)
        front = front_of(spec)
        notes += behind_gateway(state, standing_policy(fleet[front])) if front in found else ()
    notes += [f"the plan takes every container of {name} as missing. {why}" for name, why in failed.items()]
    return {name: found.get(name, Difference(create=stack.services)) for name, stack in stacks.items()}


def _changes(found: Difference, host: str) -> list[Change]:
    changes = [Change(verb, "container", name, host) for verb, names in found.services() for name in names]
    if found.reloads and found.nginx:
        changes.append(Change("update", "rules", found.nginx, host))
    if found.files and not changes:
        changes.append(Change("update", "files", ", ".join(found.files[:3]), host))
    return changes
