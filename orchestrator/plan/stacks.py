"""From a workshop to its stacks: placement, engines, and what to say about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.engines.capacity import Allotment
from orchestrator.engines.engine import Start
from orchestrator.engines.practice import STAND_IN
from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import GIB, UNKNOWN, ModelSize, known_sizes
from orchestrator.labels import distinct, slug
from orchestrator.plan.deployment import Backend, Deployment, Stack, project_name
from orchestrator.plan.edges import Edge
from orchestrator.plan.offers import with_offers
from orchestrator.plan.placement import Facts, Place, Placed, Unplaced, place
from orchestrator.plan.rooms import NO_GPUS
from orchestrator.spec.components import GATEWAY, WEBUI, Component
from orchestrator.spec.hosts import Gpus, Host
from orchestrator.spec.models import Model
from orchestrator.spec.workshop import THIS_MACHINE, Workshop


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the spec, all of it optional: a plan can be made without."""

    sizes: Mapping[str, ModelSize] = field(default_factory=dict)  # by model, as read from its files
    found: Mapping[str, Gpus] = field(default_factory=dict)  # by host: GPUs that were found there
    before: Mapping[str, Place] = field(default_factory=dict)  # by service: where each backend runs now


def plan_stacks(
    workshop: Workshop,
    heads: int,
    unavailable: Mapping[Component, str],
    known: Known | None = None,
) -> tuple[Deployment, tuple[Unplaced, ...]]:
    """The stacks of a workshop with `heads` participants; `unavailable` images are done without, in practice mode."""
    known = known or Known()
    hosts: Sequence[Host] = [THIS_MACHINE] if workshop.practice else workshop.hosts
    names = service_names(workshop.models)
    if workshop.practice:
        backends = [
            _practice_backend(model, n, names[model.name], unavailable)
            for model in workshop.models
            for n in range(model.replicas)
        ]
        unplaced: tuple[Unplaced, ...] = ()
    else:
        facts = Facts(known_sizes(workshop.models, known.sizes), known.found, workshop.capacity, heads)
        before = {
            (model.name, number): known.before[service]
            for model in workshop.models
            for number in range(1, model.replicas + 1)
            if (service := f"{names[model.name]}-{number}") in known.before
        }
        result = place(workshop.models, hosts, facts, before)
        unplaced = tuple(with_offers(lack, workshop.models, hosts, facts, before) for lack in result.unplaced)
        backends = [_backend(item, names[item.model.name], facts) for item in result.placed]
    stacks = tuple(
        Stack(
            host=host,
            project=project_name(workshop.name),
            backends=tuple(backend for backend in backends if backend.host == host.name),
            gateway="gateway" in host.roles,
            webui="webui" in host.roles and workshop.webui.is_here,
            has_instances="webui" in host.roles and workshop.webui.is_own,
        )
        for host in hosts
    )
    notes = dict.fromkeys(f"{backend.model}: {backend.stand_in}" for backend in backends if backend.stand_in)
    notes |= dict.fromkeys(f"{b.model}: practice mode tries no {', '.join(b.left_out)}" for b in backends if b.left_out)
    return Deployment(tuple(stack for stack in stacks if stack.services), tuple(notes)), unplaced


def practice_components(workshop: Workshop) -> frozenset[Component]:
    """The images that practice mode would like to have for these models."""
    own = {GATEWAY, STAND_IN} | ({WEBUI} if workshop.webui.runs else set())
    return frozenset(own.union(*(engine_of(model).practice_images for model in workshop.models)))


def service_names(models: Sequence[Model]) -> dict[str, str]:
    """A DNS label for each model, different for names that differ only in punctuation."""
    return distinct((model.name for model in models), lambda name: f"model-{slug(name)}")


def _practice_backend(model: Model, index: int, name: str, unavailable: Mapping[Component, str]) -> Backend:
    service = f"{name}-{index + 1}"
    engine = engine_of(model)
    made = engine.practice(model, service, unavailable)
    return Backend(
        service=service,
        model=model.name,
        engine=model.engine,
        replica=index + 1,
        host=THIS_MACHINE.name,
        container=made.container,
        fetch=made.fetch,
        served_name=made.served_name,
        stand_in=made.stand_in,
        left_out=made.left_out,
        serves=None if model.embeds else made.serves,
        embeds=model.embeds,
        parsers=engine.parsers(model),
    )


def _gpus_of(host: Host, facts: Facts) -> Gpus:
    return host.gpus or (facts.found or {}).get(host.name) or NO_GPUS


def _backend(placed: Placed, name: str, facts: Facts) -> Backend:
    model, gpus = placed.model, len(placed.gpus)
    engine = engine_of(model)
    served = engine.serve(model, Start(gpus, placed.share, engine.parallel(model, facts.heads)))
    budget = placed.memory_gib * engine.takes(model, placed.share) if placed.memory_gib else model.memory_gib
    size = (facts.sizes or {}).get(model.name, UNKNOWN)
    given = Allotment(budget * GIB if budget else None, max(1, gpus), facts.assumed, facts.heads)
    found = _gpus_of(placed.host, facts)
    memory = engine.host_memory(model, size, gpus, given)
    if found.unified and budget:
        memory = memory.with_gpus(budget * GIB * gpus)
    container = replace(served.container, memory_mib=memory.limit_mib(served.container.shm_gib or 0))
    return Backend(
        service=f"{name}-{placed.replica}",
        model=model.name,
        engine=model.engine,
        replica=placed.replica,
        host=placed.host.name,
        container=container,
        edge=Edge.of(placed.host) if placed.host.is_behind_edge else None,
        gpus=placed.gpus,
        devices=tuple(found.device(gpu) for gpu in placed.gpus),
        fetch=served.fetch if placed.replica == 1 or model.replicas > 1 else None,
        served_name=served.name,
        memory_gib=budget if placed.gpus else None,
        host_memory=memory,
        serves=None if model.embeds else engine.serves(model, size, given),
        embeds=model.embeds,
        parsers=engine.parsers(model),
    )
