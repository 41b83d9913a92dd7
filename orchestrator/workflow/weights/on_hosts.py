"""Weights that lie on hosts already: whether they are there, whole and what they should be, before an engine starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.engines.arguments import on_the_host
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import weights_form
from orchestrator.plan.deployment import Backend
from orchestrator.spec.gguf import parts_of
from orchestrator.spec.loader import Spec
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.weights.fetch import Fetched

SECONDS = 120.0  # the first bytes of each file, perhaps over a network


def paths_of(spec: Spec, backends: Iterable[Backend]) -> dict[str, str]:
    """By the names of those models whose engine is given the path itself; Ollama makes a model of it, once."""
    names = {
        b.model for b in backends if b.fetch is None and any(file.startswith("/") for file, _ in b.container.files)
    }
    return {model.name: model.source for model in spec.workshop.models if model.name in names}


def look_at(machine: Machine, spec: Spec, models: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """By model: what is wrong, as (level, words). Raises HostError where the host can't be asked."""
    sources = [model for model in spec.workshop.models if model.name in models]
    question = [{"paths": parts_of(m.source), "mounts": [place for place, _ in on_the_host(m)]} for m in sources]
    answer = machine.channel.call(weights_form.lacking, {"sources": question}, SECONDS) if question else []
    return {m.name: [(level, why) for level, why in found] for m, found in zip(sources, answer, strict=True)}


def missing_on_hosts(run: Run, wanted: Mapping[str, Sequence[Backend]]) -> Fetched:
    """What these backends by host, which are about to be started, lack and nobody fetches."""
    paths = {host: paths_of(run.spec, backends) for host, backends in wanted.items()}
    asked = [host for host, models in paths.items() if models]
    found, _ = run.fleet.each(lambda machine: look_at(machine, run.spec, list(paths[machine.name])), asked)
    notes, services = [], set()
    for host, models in found.items():
        for model, problems in models.items():
            if whys := [why for level, why in problems if level == "problem"]:
                notes.append(f"{host}: weights of {model}: {whys[0]}")
                services |= {backend.service for backend in wanted[host] if backend.model == model}
    return Fetched(notes=tuple(notes), lacking=frozenset(services))
