"""Images found or had wherever it is easiest: here, on a host that has them, from a registry, out of packages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.errors import UserError
from orchestrator.fleet.images.reachable import registry_addresses
from orchestrator.fleet.images.resolve import Resolution, Search
from orchestrator.fleet.images.source import EngineSource
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts.room import room
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component

AT_ONCE = 16  # engines
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that may have images, or get them."""

    source: EngineSource
    search: Search


@dataclass(frozen=True, slots=True)
class Gathered:
    """`missing` says why, in one line; `sources` by the images' `pinned` names."""

    images: dict[Component, Image] = field(default_factory=dict)
    missing: Mapping[Component, str] = field(default_factory=dict)
    sources: dict[str, EngineSource] = field(default_factory=dict)


def gather(wanted: Collection[Component], here: Engine, hosts: Sequence[Engine], *, builds: bool) -> Gathered:
    """`here` is asked first; `builds`: images can be made on it. A host that does not answer is passed over."""
    found = here.search.present(wanted)
    places = dict.fromkeys(found.images, here)
    if found.missing and hosts:
        for engine, other in _everywhere(hosts, lambda engine: engine.search.present(found.lacking)):
            _take(found, other, engine, places)
    if found.missing:
        here.search.pull(found)
        places |= {component: here for component in found.images if component not in places}
    if found.missing and hosts:
        for engine, can_pull in _everywhere(hosts, lambda engine: engine.search.can_pull(found.lacking)):
            if can_pull and found.missing:
                other = Resolution(missing=dict.fromkeys(found.missing, ""))
                engine.search.pull(other)
                _take(found, other, engine, places)
    if found.missing and builds:
        here.search.build(found)
        places |= {component: here for component in found.images if component not in places}
    sources = {image.pinned: places[component].source for component, image in found.images.items()}
    return Gathered(found.images, found.missing, sources)


def registries_of(machine: Machine) -> Callable[[Collection[str]], frozenset[str]]:
    """Which registries a host can pull from, asked on the host itself."""

    def reach(registries: Collection[str]) -> frozenset[str]:
        with machine.docker.explained():
            info = machine.docker.client.info()
        if info.get("HttpProxy") or info.get("HttpsProxy"):
            return frozenset(registries)
        addresses = {registry: registry_addresses(registry, info) for registry in registries}
        found = machine.channel.call(room, {"addresses": sorted(a for them in addresses.values() for a in them)})
        return frozenset(r for r, them in addresses.items() if set(found["answering"]) & set(them))

    return reach


def _take(found: Resolution, other: Resolution, engine: Engine, places: dict[Component, Engine]) -> None:
    for component, image in other.images.items():
        if component in found.missing:
            found.images[component] = image
            del found.missing[component]
            places[component] = engine


def _everywhere(hosts: Sequence[Engine], ask: Callable[[Engine], T]) -> list[tuple[Engine, T]]:
    with ThreadPoolExecutor(min(AT_ONCE, len(hosts))) as pool:
        jobs = [(engine, pool.submit(ask, engine)) for engine in hosts]
    answers = []
    for engine, job in jobs:
        try:
            answers.append((engine, job.result()))
        except UserError:
            continue
    return answers
