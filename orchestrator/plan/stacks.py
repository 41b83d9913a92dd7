"""From a workshop to its stacks: placement, engines, and what to say about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from orchestrator.plan.deployment import Backend, Deployment, Stack, project_name
from orchestrator.plan.engines import real_engine
from orchestrator.plan.placement import Placed, Unplaced, place
from orchestrator.plan.practice import practice_engine
from orchestrator.spec.components import Component
from orchestrator.spec.hosts import Host
from orchestrator.spec.models import Engine, Model
from orchestrator.spec.workshop import THIS_MACHINE, Workshop

PARALLEL_LEAST, PARALLEL_MOST = 2, 16  # requests that Ollama and llama.cpp batch; memory grows with each


def plan_stacks(
    workshop: Workshop,
    heads: int,
    unavailable: Mapping[Component, str],
) -> tuple[Deployment, tuple[Unplaced, ...]]:
    """The stacks of a workshop with `heads` participants; `unavailable` images are done without, in practice mode."""
    hosts: Sequence[Host] = [THIS_MACHINE] if workshop.practice else workshop.hosts
    names = service_names(workshop.models)
    if workshop.practice:
        backends = [
            _practice_backend(model, n, names[model.name], dict(unavailable))
            for model in workshop.models
            for n in range(model.replicas)
        ]
        unplaced: tuple[Unplaced, ...] = ()
    else:
        placed, unplaced = place(workshop.models, hosts)
        backends = [_backend(item, names[item.model.name], heads) for item in placed]
    stacks = tuple(
        Stack(
            host=host,
            project=project_name(workshop.name),
            backends=tuple(backend for backend in backends if backend.host == host.name),
            gateway="gateway" in host.roles,
            webui="webui" in host.roles and workshop.webui.mode != "none",
        )
        for host in hosts
    )
    notes = dict.fromkeys(f"{backend.model}: {backend.stand_in}" for backend in backends if backend.stand_in)
    return Deployment(tuple(stack for stack in stacks if stack.services), tuple(notes)), unplaced


def practice_components(workshop: Workshop) -> frozenset[Component]:
    """The images that practice mode would like to have for these models."""
    wanted = {Engine.VLLM: Component.VLLM_CPU, Engine.OLLAMA: Component.OLLAMA}
    own = {Component.GATEWAY, Component.LLAMACPP} | ({Component.WEBUI} if workshop.webui.mode != "none" else set())
    return frozenset(own | {wanted[model.engine] for model in workshop.models if model.engine in wanted})


def slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens: at most 40, for names of containers and groups."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def service_names(models: Sequence[Model]) -> dict[str, str]:
    """A DNS label for each model, different for names that differ only in punctuation."""
    return distinct((model.name for model in models), lambda name: f"model-{slug(name)}")


def distinct(names: Iterable[str], shorten: Callable[[str], str]) -> dict[str, str]:
    """Each name with its short form; where two come out alike, the later ones are numbered."""
    found: dict[str, str] = {}
    for name in names:
        first = short = shorten(name)
        number = 2
        while short in found.values():
            short, number = f"{first}-v{number}", number + 1
        found[name] = short
    return found


def _practice_backend(model: Model, index: int, name: str, unavailable: dict[Component, str]) -> Backend:
    service = f"{name}-{index + 1}"
    engine = practice_engine(model, service, unavailable)
    return Backend(
        service=service,
        model=model.name,
        engine=model.engine,
        replica=index + 1,
        host=THIS_MACHINE.name,
        container=engine.container,
        fetch=engine.fetch,
        served_name=engine.served_name,
        stand_in=engine.stand_in,
    )


def _backend(placed: Placed, name: str, heads: int) -> Backend:
    model = placed.model
    parallel = min(
        PARALLEL_MOST, max(PARALLEL_LEAST, -(-heads // (4 * model.replicas)))
    )  # a quarter of the room asks at once
    container, fetch, served = real_engine(model, gpus=len(placed.gpus), share=placed.share, parallel=parallel)
    return Backend(
        service=f"{name}-{placed.replica}",
        model=model.name,
        engine=model.engine,
        replica=placed.replica,
        host=placed.host.name,
        container=container,
        gpus=placed.gpus,
        fetch=fetch if placed.replica == 1 or model.replicas > 1 else None,
        served_name=served,
    )
