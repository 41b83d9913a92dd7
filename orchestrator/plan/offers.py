"""What would fit instead of what does not: each offer was placed before it is made. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import GIB, UNKNOWN, ModelSize, stated
from orchestrator.plan.placement import Before, Facts, Unplaced, place
from orchestrator.spec.capacity import Size
from orchestrator.spec.hosts import Host
from orchestrator.spec.models import Model

CONTEXTS = tuple(1024 << power for power in range(10, -1, -1))  # 1,048,576 to 1,024 tokens
GPUS = (1, 2, 4, 8)
QUANTISED = {8: 0.6, 4: 0.4}
"""Bits of a weight, and what is left at most of 16-bit files: embeddings and scales stay as they are. With Llama 3.1's
vocabulary and 8 billion weights, 13 % of them in embeddings, that is 0.57 and 0.38; larger models keep less."""
ENOUGH = 4  # offers for one model


def with_offers(
    lack: Unplaced, models: Sequence[Model], hosts: Sequence[Host], facts: Facts, before: Before | None
) -> Unplaced:
    """The same with what would fit, each a line for the spec."""
    others = place([m for m in models if m is not lack.model], hosts, facts, before).unplaced
    held = {other.model.name for other in others}

    def fits(changed: Model, hosts: Sequence[Host] = hosts, facts: Facts = facts) -> bool:
        sizes = dict(facts.sizes or {})
        sizes[changed.name] = stated(changed.size, sizes.get(changed.name, UNKNOWN))
        tried = [changed if m is lack.model else m for m in models]
        left = {u.model.name for u in place(tried, hosts, replace(facts, sizes=sizes), before).unplaced}
        return changed.name not in left and left <= held

    found: list[str] = []
    for text, changed in _changes(lack, facts):
        if len(found) == ENOUGH:
            break
        kind = text.split(":")[0]
        if all(not other.startswith(kind) for other in found) and fits(changed):
            found.append(text)
    for host in hosts:
        more, with_found = _one_more_like(host, facts)
        if fits(lack.model, [*hosts, more], with_found):
            found.append(f"one more host like {host.name}")
            break
    return replace(lack, offers=tuple(found))


def _one_more_like(host: Host, facts: Facts) -> tuple[Host, Facts]:
    more = host.model_copy(update={"name": f"{host.name}+"})  # no name that a spec can have
    gpus = (facts.found or {}).get(host.name)
    return more, replace(facts, found={**facts.found, more.name: gpus}) if facts.found and gpus else facts


def _changes(lack: Unplaced, facts: Facts) -> Iterator[tuple[str, Model]]:
    """Smallest sacrifice first. Of one kind only the first that fits is offered."""
    model = lack.model
    size = (facts.sizes or {}).get(model.name, UNKNOWN)
    if model.host or model.labels:
        without = model.model_copy(update={"host": None, "labels": []})
        where = f"host {model.host}" if model.host else f"labels {', '.join(model.labels)}"
        yield f"another host, without {where}", without
    yield from _contexts(model, size.context)
    engine = engine_of(model)
    if engine.smaller_cache and not engine.smaller_cache.keys() & model.args and size.kv(1, 1, 1.0) is not None:
        text = ", ".join(f"{name}: {value}" for name, value in engine.smaller_cache.items())
        yield f"args: {{{text}}}", model.model_copy(update={"args": {**model.args, **engine.smaller_cache}})
    if engine.splits:
        more = [gpus for gpus in GPUS if gpus > model.gpus_wanted]
        for gpus in (*more, *(fewer for fewer in reversed(GPUS) if fewer < model.gpus_wanted)):
            yield f"gpus: {gpus}", model.model_copy(update={"gpus": gpus})
        yield from _quantised(model, size)
    if 0 < lack.placed < model.replicas:
        yield f"replicas: {lack.placed}", model.model_copy(update={"replicas": lack.placed})
    if model.memory_gib:
        least = engine.need(model, size, max(1, model.gpus_wanted), facts.assumed, facts.heads).total
        if least and least / GIB < model.memory_gib:
            lower = -(-least // (1 << 29)) / 2  # the next half GiB
            yield f"memory_gib: {lower:g}", model.model_copy(update={"memory_gib": lower})


def _quantised(model: Model, size: ModelSize) -> Iterator[tuple[str, Model]]:
    if size.weights is None or size.quantised:
        return
    own = model.size or Size()
    for bits, left in QUANTISED.items():
        weights = math.ceil(size.weights * left / GIB * 10) / 10
        text = f"a quantised source: {bits} bits, with at most {weights:g} GiB of weights"
        yield text, model.model_copy(update={"size": own.model_copy(update={"weights_gib": weights})})


def _contexts(model: Model, made_for: int | None) -> Iterator[tuple[str, Model]]:
    now = model.context or made_for
    for context in CONTEXTS:
        if now and context < now:
            yield f"context: {context}", model.model_copy(update={"context": context})
