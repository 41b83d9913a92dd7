"""The names that models give each other: aliases that mean one model only, and fallbacks that lead somewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem
from orchestrator.spelling import did_you_mean, nearest


def name_problems(models: Sequence[Model]) -> Iterator[Problem]:
    """What can only be seen with all models together; places are below `models`."""
    yield from _alias_problems(models)
    yield from _fallback_problems(models)
    wanted = {name for model in models for name in model.fallback}
    for index, model in enumerate(models):
        if model.hidden and model.name not in wanted:
            yield Problem(
                (index, "hidden"), f"nobody could ask {model.name!r}: it is hidden, and nothing falls back to it"
            )


def fallbacks(model: Model, models: Mapping[str, Model]) -> tuple[Model, ...]:
    """Which models are asked in its place, in order: each one that it names, and then what that falls back to."""
    found: dict[str, Model] = {}
    _gather(model, models, found, {model.name})
    return tuple(found.values())


def _gather(model: Model, models: Mapping[str, Model], found: dict[str, Model], above: set[str]) -> None:
    for name in model.fallback:
        if name in models and name not in found and name not in above:
            found[name] = models[name]
            _gather(models[name], models, found, above)


def _alias_problems(models: Sequence[Model]) -> Iterator[Problem]:
    owners = {model.name: f"the model {model.name!r}" for model in models}
    for index, model in enumerate(models):
        for number, alias in enumerate(model.aliases):
            owner = owners.setdefault(alias, f"an alias of {model.name!r}")
            if owner not in {f"an alias of {model.name!r}", f"the model {model.name!r}"}:  # told by the model itself
                yield Problem((index, "aliases", number), f"{alias!r} is {owner} already")


def _fallback_problems(models: Sequence[Model]) -> Iterator[Problem]:
    named = {model.name: model for model in models}
    for index, model in enumerate(models):
        for number, name in enumerate(model.fallback):
            at = (index, "fallback", number)
            if name == model.name:
                yield Problem(at, f"{name!r} cannot fall back to itself")
            elif name not in named:
                near = nearest(name, named.keys() - {model.name})
                yield Problem(at, f"no model is named {name!r}", did_you_mean(near))
            elif model.name in {other.name for other in _reached(named[name], named)}:
                yield Problem(at, f"{name!r} falls back to {model.name!r}, so this would go round in a circle")


def _reached(model: Model, models: Mapping[str, Model]) -> tuple[Model, ...]:
    """Everything that it leads to; itself too, if it does."""
    found: dict[str, Model] = {}
    _gather(model, models, found, set())
    return tuple(found.values())
