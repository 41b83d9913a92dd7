"""What `provision` would do, found out by looking only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engines.capacity import Serves
from orchestrator.engines.parsers import Parsers
from orchestrator.identity.identity import Identity
from orchestrator.plan.crowd import crowd_remarks, people_for
from orchestrator.plan.deployment import Backend
from orchestrator.plan.remarks import remarks
from orchestrator.settings import Settings
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.knowledge_files import find_knowledge, left_out
from orchestrator.spec.loader import Spec
from orchestrator.state.handed_over import handed_over
from orchestrator.state.seats import Enrolled, PersonChange
from orchestrator.state.state import State
from orchestrator.workflow.archives.leavers import leaves_chats
from orchestrator.workflow.changes.change import Change
from orchestrator.workflow.changes.hosts import differences, on_host
from orchestrator.workflow.changes.webui import in_own_webuis, in_webui
from orchestrator.workflow.context.open import seats, state_folder
from orchestrator.workflow.gateway.certificates import served
from orchestrator.workflow.images.choice import recorded_images
from orchestrator.workflow.images.foresee import unavailable
from orchestrator.workflow.people.knowledge import copies_note
from orchestrator.workflow.wanted.connections import overrides as connection_overrides
from orchestrator.workflow.wanted.desired import instanced, planned
from orchestrator.workflow.wanted.memory import instance_notes
from orchestrator.workflow.wanted.sizes import known


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
    parsers: Parsers | None = None  # of calls of tools and of reasoning; None: the engine needs none
    holds: float | None = None  # bytes of the host's memory, once it is up; None: not known
    limit_mib: int | None = None  # of the host's memory, that it is let take; None: no limit


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
        everybody = people.participants
        identity = Identity(state.secret, spec.workshop, everybody) if state.meta else None
        deployment = instanced(spec, deployment, everybody)
        changes = list(_of_people(spec, state, people.changes))
        shown = served(spec, folder)
        changes += [Change("make", new.what, new.name, None, new.reason) for new in shown.new]
        fresh = sorted(deployment.components - set(recorded_images(state)))
        changes += [Change("choose", "image", str(component), None) for component in fresh]
        given = handed_over(folder)
        notes = [str(given)] if given else []
        notes += [
            *deployment.notes,
            *instance_notes(deployment),
            *copies_note(spec, deployment),
            *remarks(spec, everybody),
            *crowd_remarks(spec, deployment, everybody),
        ]
        for host, found in differences(spec, settings, state, deployment, shown, notes, fresh=bool(fresh)).items():
            changes += on_host(found, host)
        if spec.workshop.webui.is_own:
            changes += in_own_webuis(spec, settings, state, deployment, identity, changes, notes)
        else:
            changes += in_webui(spec, state, identity, deployment.native, changes, notes)
        notes += left_out(spec, find_knowledge(spec))
        notes += overrides(people.rows, state.drained.all())
        notes += connection_overrides(spec, state) if spec.workshop.webui.is_shared else ()
    share = spec.workshop.capacity.at_once
    placements = tuple(_placement(backend, share) for backend in deployment.backends)
    return Plan(spec.workshop.name, tuple(changes), placements, tuple(notes), share)


def _of_people(spec: Spec, state: State, found: Sequence[PersonChange]) -> Iterator[Change]:
    yield from (Change(one.kind, "participant", one.after.id, None, one.after.name) for one in found)
    for one in found:
        if one.kind == "removed" and one.before and state.meta and leaves_chats(spec, state, one.before):
            yield Change("make", "archive", one.before.id, None, "the chats, before the account is closed")


def _placement(backend: Backend, share: float) -> Placement:
    most = backend.serves.requests if backend.serves else None
    return Placement(
        backend.model,
        backend.service,
        str(backend.engine),
        str(backend.container.component),
        backend.host,
        backend.gpus,
        backend.replica,
        backend.memory_gib,
        backend.serves,
        None if most is None else people_for(most, share),
        backend.parsers,
        backend.holds,
        backend.container.memory_mib,
    )


def overrides(rows: Sequence[Enrolled], drained: AbstractSet[str]) -> list[str]:
    """What commands said, and no `provision` takes back."""
    by_command = {
        "added": [row.participant.id for row in rows if row.added and row.present],
        "removed": [row.participant.id for row in rows if row.taken_out],
        "revoked": [row.participant.id for row in rows if row.participant.state == "revoked"],
        "drained": sorted(drained),
    }
    return [f"{what} by command, and stays so: {', '.join(names)}" for what, names in by_command.items() if names]
