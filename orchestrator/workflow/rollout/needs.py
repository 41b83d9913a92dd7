"""What a plan wants of each host, in the words of preflight."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence

from orchestrator.ansible_process import AnsibleNeeds
from orchestrator.checks.preflight.facts import Amount, Facts, Needs, Seat
from orchestrator.engines.container import Fetch
from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import known_sizes
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.model_files import HUB
from orchestrator.fleet.scripts import engine
from orchestrator.plan.deployment import Deployment, Stack
from orchestrator.plan.images import DOCKER_HUB, Image, Reference, reference_for
from orchestrator.plan.instance_memory import memory_of
from orchestrator.plan.instances import own_ports
from orchestrator.plan.stacks import Known
from orchestrator.spec.components import Component
from orchestrator.spec.hosts import Host
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import front_of, hosts_of
from orchestrator.workflow.images.choice import image_choice, recorded_images
from orchestrator.workflow.weights.on_hosts import paths_of

REGISTRY = {DOCKER_HUB: "https://registry-1.docker.io"}  # where images of docker.io really are


def host_needs(
    spec: Spec, state: State, deployment: Deployment, known: Known, facts: Mapping[str, Facts]
) -> dict[str, Needs]:
    """Of every host of the spec. A host that gets nothing needs little."""
    stacks = {stack.host.name: stack for stack in deployment.stacks}
    references = image_references(spec, state, deployment)
    recorded = recorded_images(state)
    sizes = LocalChannel("here").call(engine.images, {"references": list(references.values())})
    return {
        host.name: _needs(spec, host, stacks.get(host.name), deployment, known, references, sizes, facts, recorded)
        for host in hosts_of(spec)
    }


def image_references(spec: Spec, state: State, deployment: Deployment) -> dict[Component, str]:
    """As an earlier run recorded them, else as the spec would have them."""
    choice, recorded = image_choice(spec), recorded_images(state)
    return {
        component: recorded[component].pinned if component in recorded else reference_for(component, choice)
        for component in sorted(deployment.components)
    }


def _needs(
    spec: Spec,
    host: Host,
    stack: Stack | None,
    deployment: Deployment,
    known: Known,
    references: Mapping[Component, str],
    sizes: Mapping[str, int],
    facts: Mapping[str, Facts],
    recorded: Mapping[Component, Image],
) -> Needs:
    workshop, is_front = spec.workshop, host.name == front_of(spec)
    components = sorted(stack.components) if stack else []
    wanted = [references[component] for component in components]
    backends = stack.backends if stack else ()
    there = facts[host.name].engine.services if host.name in facts else frozenset()
    models = _fresh_models(spec, stack, there)
    ports = tuple((port, field) for field, port in workshop.published.items()) if is_front else ()
    running = stack.running if stack else ()
    ports += own_ports(stack.instances if stack else ())
    if stack and stack.edge:
        ports = (*ports, (host.edge_port, "hosts[].edge_port"))
    return Needs(
        workshop=workshop.name,
        become=host.become,
        bootstrap=host.bootstrap,
        is_front=is_front,
        has_window=workshop.window is not None,
        gpus=host.gpus,
        seats=tuple(Seat(gpu, backend.memory_gib) for backend in backends for gpu in backend.gpus),
        ports=ports,
        images=tuple(Amount(reference, sizes.get(reference)) for reference in dict.fromkeys(wanted)),
        weights=_weights(models, known),
        paths=paths_of(spec, backends),
        memory=round(sum(backend.holds or 0 for backend in backends)) + memory_of(len(running)),
        instances=len(running),
        peers=_peers(deployment) if is_front else {},
        registries=_registries(spec, components, references, recorded, here=frozenset(sizes)),
        hubs=_hubs(models),
        same_machine=None if host.is_local else platform.machine(),
        python=AnsibleNeeds.installed(),
    )


def _fresh_models(spec: Spec, stack: Stack | None, there: frozenset[str]) -> list[Model]:
    """Whose weights the host must fetch: none of its containers was made there yet."""
    if stack is None or spec.workshop.practice:
        return []
    names = {b.model for b in stack.backends} - {b.model for b in stack.backends if b.service in there}
    models = [model for model in spec.workshop.models if model.name in names]
    return [model for model in models if not model.source.startswith("/")]


def _weights(models: Sequence[Model], known: Known) -> tuple[Amount, ...]:
    sizes = known_sizes(models, known.sizes)
    once = {model.source: model for model in models}  # two models of one source share its files
    return tuple(Amount(f"the weights of {m.name}", sizes[m.name].weights) for m in once.values())


def _peers(deployment: Deployment) -> dict[str, tuple[str, int]]:
    """The edges that the gateway will ask."""
    return {
        stack.host.name: (stack.host.private or stack.host.address, stack.host.edge_port)
        for stack in deployment.stacks
        if stack.edge
    }


def _registries(
    spec: Spec,
    components: Sequence[Component],
    references: Mapping[Component, str],
    recorded: Mapping[Component, Image],
    here: frozenset[str],
) -> dict[str, str]:
    """Of images that come from one: not of those that are made here, or brought as a file."""
    if spec.workshop.images.source not in {"auto", "registry"} or spec.workshop.practice:
        return {}
    hosts = set()
    for component in components:
        before, reference = recorded.get(component), references[component]
        made_here = reference in here and reference.startswith("workshop-")
        if before is not None and before.source == "registry":
            hosts.add(Reference.parse(before.reference).host)
        elif before is None and not made_here:
            hosts.add(Reference.parse(reference).host)
    return {name: f"{REGISTRY.get(name, f'https://{name}')}/v2/" for name in sorted(hosts)}


def hub_fetches(spec: Spec, stack: Stack, there: frozenset[str]) -> dict[str, tuple[Fetch, ...]]:
    """What the host must fetch from each hub, by the hub's name; `there` are its services."""
    found: dict[str, tuple[Fetch, ...]] = {}
    for model in _fresh_models(spec, stack, there):
        fetch = next((b.fetch for b in stack.backends if b.model == model.name and b.fetch), None)
        if fetch:
            name, _ = _hub(model)
            found[name] = (*found.get(name, ()), fetch)
    return found


def _hubs(models: Sequence[Model]) -> dict[str, str]:
    return dict(map(_hub, models))


def _hub(model: Model) -> tuple[str, str]:
    """Its name, and its URL."""
    own = model.environment.get("HF_ENDPOINT")
    hub = own if isinstance(own, str) else os.environ.get("HF_ENDPOINT") or HUB
    if (other := engine_of(model).own_hub) is not None:
        hub = other
    elif model.source.startswith(("https://", "http://")):
        hub = "/".join(model.source.split("/")[:3])
    return hub.partition("://")[2].rstrip("/"), hub
