"""Weights of an archive, into the volumes of the hosts whose engines will look for them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.errors import HostError, SpecError, UserError, Where
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.images.archive_read import Archive
from orchestrator.fleet.images.weights_read import ArchiveStore
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.ownership import require_ownership
from orchestrator.fleet.weights import Weights
from orchestrator.plan.deployment import Backend
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.rollout.survey import look_for_gpus
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known
from orchestrator.workflow.weights.delivery import Parcel
from orchestrator.workflow.weights.fetch import deliver

AGAIN = "Look at the host, then run the same command again"


@dataclass(frozen=True, slots=True)
class Unpacked:
    hosts: tuple[str, ...] = ()  # that get some
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failed: Mapping[str, UserError] = field(default_factory=dict)


def unpack(
    archive: Archive,
    spec: Spec,
    state: State,
    fleet: Fleet,
    lost: Mapping[str, UserError],
    settings: Settings,
    report: Report,
) -> Unpacked:
    """Each host what the plan wants there and it lacks, all at once, `lost` ones left out; every file is checked."""
    if spec.workshop.practice:
        return Unpacked(notes=("practice mode makes its weights: those of the file were left in it",))
    _look_for_gpus(spec, state, fleet, lost)
    try:
        backends = planned(spec, {}, known(spec, state)).backends
    except SpecError as problem:
        why = f"the weights stay in the file, as the plan does not come out: {problem}"
        return Unpacked(notes=(f"{why}. Mend that, then run the same command again",))
    hosts, failed = _ours(sorted({b.host for b in backends if b.fetch} - set(lost)), spec, state, fleet)
    images = {entry.component: entry.image.pinned for entry in archive.manifest.images}
    store = ArchiveStore(archive)
    parcels, absent = _parcels([b for b in backends if b.host in hosts], spec, state, images, store)
    if not parcels:
        return Unpacked((), (), absent, failed)
    done = deliver(parcels, fleet, hosts, settings, report.say)
    for parcel, one in zip(parcels, done, strict=True):
        for host, why in one.failed.items():
            message = f"weights of {parcel.model}: {why}"
            failed[host] = HostError("weights_not_there", message, where=Where(host=host), hint=AGAIN)
    return Unpacked(
        hosts=(*hosts, *failed),
        changes=tuple(f"{host}: {line}" for one in done for host, line in one.came.items()),
        notes=absent,
        failed=failed,
    )


def _look_for_gpus(spec: Spec, state: State, fleet: Fleet, lost: Mapping[str, UserError]) -> None:
    """As `provision` will, so that both place each model on the same host."""
    unknown = [
        host
        for host in spec.workshop.hosts
        if host.gpus is None and "inference" in host.roles and state.gpus.at(host.name, host.address) is None
    ]
    found, _ = fleet.each(look_for_gpus, [host.name for host in unknown if host.name not in lost])
    for host in unknown:
        if host.name in found and (declared := found[host.name].declared) is not None:
            state.gpus.record(host.name, fleet[host.name].host.address, declared)


def _ours(names: Sequence[str], spec: Spec, state: State, fleet: Fleet) -> tuple[tuple[str, ...], dict[str, UserError]]:
    """Somebody else's class of this name reads the same volumes."""
    deployment = state.meta.deployment_id if state.meta else ""

    def require(machine: Machine) -> None:
        require_ownership(
            machine.name, machine.owner(), deployment, machine.docker.containers(spec.workshop.name).values()
        )

    done, failed = fleet.each(require, names)
    return tuple(done), failed


def _parcels(
    backends: Sequence[Backend], spec: Spec, state: State, images: Mapping[Component, str], store: ArchiveStore
) -> tuple[list[Parcel], tuple[str, ...]]:
    """One for each set of files; and which of them are not in the archive."""
    by_files: dict[tuple[str, str], dict[str, Backend]] = {}
    for backend in backends:
        if backend.fetch:
            by_files.setdefault(backend.fetch.place, {})[backend.host] = backend
    deployment = state.meta.deployment_id if state.meta else ""
    parcels, absent = [], []
    for needed in by_files.values():
        first = next(iter(needed.values()))
        if first.fetch is None or first.fetch.component not in images or store.kept(first.fetch) is None:
            absent.append(f"the weights of {first.model} are not in the file")
            continue
        weights = {
            host: Weights(spec.workshop.name, deployment, backend.fetch, images[backend.fetch.component])
            for host, backend in needed.items()
            if backend.fetch
        }
        parcels.append(Parcel(first.model, weights, {}, store=store, fetches=False))
    return parcels, tuple(absent)
