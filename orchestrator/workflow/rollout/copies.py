"""Whether a host whose hub is out of reach can do without: its weights are there, or can be copied."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace

from orchestrator.checks.preflight.facts import Facts
from orchestrator.engines.container import Fetch
from orchestrator.errors import UserError
from orchestrator.fleet import weights_folder
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.weights import Weights, look
from orchestrator.plan.deployment import Deployment
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.rollout.needs import hub_fetches, image_references

NEEDLESS = {"reached", "certificate"}  # what needs no copy
HERE = ""


def with_copies(
    spec: Spec,
    state: State,
    fleet: Fleet,
    deployment: Deployment,
    seen: Mapping[str, Facts],
    settings: Settings,
    hosts: Collection[str] = (),
) -> dict[str, Facts]:
    """What was seen, and for each hub that a host does not reach, where all weights of it are that it needs.

    Left out: hubs of which something is nowhere. `hosts`, or those that were seen, are asked only where it can help.
    """
    copies = _copies(spec, state, fleet, deployment, seen, settings, hosts or seen)
    return {name: replace(facts, copies=copies.get(name, {})) for name, facts in seen.items()}


def _copies(
    spec: Spec,
    state: State,
    fleet: Fleet,
    deployment: Deployment,
    seen: Mapping[str, Facts],
    settings: Settings,
    hosts: Collection[str],
) -> dict[str, dict[str, str]]:
    """By host and hub; "" for the host itself."""
    wanted = {
        stack.host.name: unreached
        for stack in deployment.stacks
        if stack.host.name in seen and (unreached := _unreached(spec, stack.host.name, deployment, seen))
    }
    fetches = {fetch.place: fetch for hubs in wanted.values() for some in hubs.values() for fetch in some}
    if not fetches:
        return {}
    references = image_references(spec, state, deployment)

    def held(machine: Machine) -> set[tuple[str, str]]:
        return {
            files
            for files, fetch in fetches.items()
            if _holds(machine, Weights(spec.workshop.name, "preflight", fetch, references[fetch.component]))
        }

    held_by, _ = fleet.each(held, hosts)
    folder = settings.weights
    kept = {files for files, fetch in fetches.items() if folder and weights_folder.kept(folder, fetch)}
    return {
        host: {
            hub: where
            for hub, some in hubs.items()
            if (where := _where(host, {fetch.place for fetch in some}, held_by, kept, settings)) is not None
        }
        for host, hubs in wanted.items()
    }


def _unreached(
    spec: Spec, host: str, deployment: Deployment, seen: Mapping[str, Facts]
) -> dict[str, tuple[Fetch, ...]]:
    stack = next(stack for stack in deployment.stacks if stack.host.name == host)
    found = hub_fetches(spec, stack, seen[host].engine.services)
    return {hub: some for hub, some in found.items() if seen[host].reached.get(hub, "reached") not in NEEDLESS}


def _holds(machine: Machine, weights: Weights) -> bool:
    """A host without the image or without the volume has nothing."""
    try:
        there = weights.volume in machine.docker.weights(weights.workshop)
        return there and bool(look(machine, weights, threading.Event()).files)
    except UserError:
        return False


def _where(
    host: str,
    wanted: set[tuple[str, str]],
    held_by: Mapping[str, set[tuple[str, str]]],
    kept: set[tuple[str, str]],
    settings: Settings,
) -> str | None:
    rest = wanted - held_by.get(host, set())
    if not rest:
        return HERE
    places = [str(settings.weights)] if rest & kept else []
    rest -= kept
    for other, held in held_by.items():
        if settings.copy_weights and other != host and rest & held:
            places.append(other)
            rest -= held
    return None if rest else " and ".join(places)
