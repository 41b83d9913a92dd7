"""Which weights a spec needs, wherever its backends go. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.engines.container import Fetch
from orchestrator.engines.engine import Start
from orchestrator.engines.registry import engine_of
from orchestrator.spec.models import Model
from orchestrator.spec.workshop import Workshop


def needed_weights(workshop: Workshop) -> tuple[dict[str, Fetch], Mapping[str, str]]:
    """By the name of one model that needs them, each set of files once; and for those that none of it brings, why."""
    fetches: dict[tuple[str, str], tuple[str, Fetch]] = {}
    lying: dict[str, str] = {}
    for model in workshop.models if not workshop.practice else ():
        if model.is_external:
            continue
        fetch = _fetch(model)
        if fetch is None or model.source.startswith("/"):
            lying[model.name] = f"{model.source} lies on the host: bring it there yourself"
        else:
            fetches.setdefault(fetch.place, (model.name, fetch))
    return dict(fetches.values()), lying


def _fetch(model: Model) -> Fetch | None:
    return engine_of(model).serve(model, Start(model.gpus_wanted, None, 1)).fetch
