"""Weights come to the hosts before their engines start: once per host and model, however many replicas share them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.errors import WorkshopError
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.weights import Weights
from orchestrator.fleet.weights_folder import FolderStore
from orchestrator.plan.deployment import Backend
from orchestrator.settings import Settings
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.weights.delivery import Delivered, Delivery, Parcel

ON_A_HOST = 3  # models at once


@dataclass(frozen=True, slots=True)
class Fetched:
    """A line for each that came, one for each that could not be had, and the services that lack theirs."""

    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lacking: frozenset[str] = frozenset()


def fetch_weights(run: Run, wanted: Mapping[str, Sequence[Backend]]) -> Fetched:
    """For these backends by host, which are about to be started. All hosts and models at once."""
    parcels = _parcels(run, wanted)
    if not parcels:
        return Fetched()
    done = deliver(parcels, run.fleet, run.standing, run.settings, run.report.say)
    return _together(parcels, done)


def deliver(
    parcels: Sequence[Parcel],
    fleet: Mapping[str, Machine],
    hosts: Iterable[str],
    settings: Settings,
    say: Callable[[str], None],
) -> list[Delivered]:
    """All hosts and models at once. Interrupted, it first ends what runs on the hosts."""
    stop = threading.Event()
    places = {name: threading.Semaphore(ON_A_HOST) for name in hosts}
    deliveries = [Delivery(parcel, fleet, places, settings, say, stop) for parcel in parcels]
    with ThreadPoolExecutor(len(deliveries)) as pool:
        running = [pool.submit(delivery.bring) for delivery in deliveries]
        try:
            return [job.result() for job in running]
        except BaseException:
            stop.set()
            raise


def _together(parcels: Sequence[Parcel], done: Sequence[Delivered]) -> Fetched:
    return Fetched(
        changes=tuple(f"{host}: {line}" for item in done for host, line in item.came.items()),
        notes=tuple(
            f"{host}: weights of {parcel.model}: {why}"
            for parcel, item in zip(parcels, done, strict=True)
            for host, why in item.failed.items()
        ),
        lacking=frozenset(
            service
            for parcel, item in zip(parcels, done, strict=True)
            for host in item.failed
            for service in parcel.services[host]
        ),
    )


def _parcels(run: Run, wanted: Mapping[str, Sequence[Backend]]) -> list[Parcel]:
    """One for each set of files, with the hosts that need it."""
    hosts: dict[tuple[str, str], dict[str, list[Backend]]] = {}
    for host, backends in wanted.items():
        for backend in backends:
            if backend.fetch:
                same = hosts.setdefault(backend.fetch.place, {})
                same.setdefault(host, []).append(backend)
    return [
        Parcel(
            model=next(iter(needed.values()))[0].model,
            weights={host: _weights(run, backends[0]) for host, backends in needed.items()},
            services={host: frozenset(backend.service for backend in backends) for host, backends in needed.items()},
            others=tuple(name for name in run.standing if name not in needed),
            store=FolderStore(run.settings.weights, run.report.say) if run.settings.weights else None,
        )
        for needed in hosts.values()
    ]


def _weights(run: Run, backend: Backend) -> Weights:
    if run.state.meta is None or backend.fetch is None:
        raise WorkshopError("weights come after the workshop was begun")
    return Weights(
        workshop=run.spec.workshop.name,
        deployment=run.state.meta.deployment_id,
        fetch=backend.fetch,
        image=run.images[backend.fetch.component],
        secrets={name: secret.reveal(run.spec.folder) for name, secret in backend.fetch.secret_environment.items()},
    )
