"""How a rehearsal fits a workshop: how many people, which models, how much of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.checks.inside import way_to
from orchestrator.checks.rehearsal.values import Backend, Bounds, Extent, Guest
from orchestrator.errors import UserError
from orchestrator.identity.identity import MOST_GUESTS
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Deployment
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.spec.names import fallbacks
from orchestrator.spelling import did_you_mean, nearest

BUDGET = 6000  # tokens for each person, unless told otherwise
SHARE = 50  # per cent of the people who go over the page
CONTEXT = 4096  # tokens, where neither spec nor engine says
PRACTICE_CONTEXT = 2048  # less than the stand-ins have: a processor reads slowly
LONG_SHARE = 0.3  # of a context, in characters: an answer and two more questions fit beside it
ASKED_FOR = Bounds()
LONGEST = 4000  # characters of a long question


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says; None: what fits the workshop."""

    people: int | None = None  # as many as take part
    seconds: float = 600
    tokens: int = 128
    budget: int | None = None
    models: tuple[str, ...] = ()  # none: all that run on own engines
    webui_percent: int | None = None
    think: float = 4
    limited: bool = True  # by the limits of the class
    bounds: Bounds = ASKED_FOR
    to: Path | None = None


def chosen(spec: Spec, names: Sequence[str]) -> dict[str, Model]:
    """The models that are asked, by name: those that were named, else all that run on the workshop's own engines.

    Raises UserError `model_unknown`, `only_external`.
    """
    there = {model.name: model for model in spec.workshop.listed}
    for name in names:
        if name not in there:
            hint = did_you_mean(nearest(name, there)) or f"There are: {', '.join(there)}"
            raise UserError("model_unknown", f"the workshop has no model {name!r}", hint=hint)
    if names:
        return {name: there[name] for name in dict.fromkeys(names)}
    own = {
        name: model
        for name, model in there.items()
        if spec.workshop.practice or not model.is_external  # a provider sends a bill
    }
    if not own:
        hint = "Name those that may be asked, at your cost: --model NAME"
        raise UserError("only_external", "every model of this workshop is a provider's", hint=hint)
    return own


def remarks(spec: Spec, models: Mapping[str, Model], comers: Sequence[Guest], guests: Sequence[Guest]) -> list[str]:
    """What to know of this rehearsal before it begins: who may send a bill, who got no account (of `comers`)."""
    there = {model.name: model for model in spec.workshop.models}
    found = [
        f"{name} falls back to {other.name}: what its own engines can't take is asked there, at your cost."
        for name, model in models.items()
        for other in fallbacks(model, there)
        if other.is_external and not spec.workshop.practice
    ]
    wanted, made = (sum(guest.account is not None for guest in those) for those in (comers, guests))
    if made < wanted:
        found.append(f"{made} of {wanted} accounts were ready in time; the others asked over the API.")
    return found


def extent_of(asked: Asked, people: Sequence[Participant], models: Mapping[str, Model], *, practice: bool) -> Extent:
    active = [person for person in people if person.state == "active"]
    number = asked.people or min(sum(not person.spare for person in active) or len(active) or 1, MOST_GUESTS)
    contexts = [PRACTICE_CONTEXT if practice else model.context or CONTEXT for model in models.values()]
    return Extent(
        people=number,
        seconds=asked.seconds,
        tokens=asked.tokens,
        budget=asked.budget or BUDGET * number,
        think=asked.think,
        prompt=round(min(LONGEST, LONG_SHARE * min(contexts))),
    )


def percent_over_page(asked: Asked, *, has_webui: bool) -> int:
    """Raises UserError `no_webui`."""
    if not has_webui and asked.webui_percent:
        raise UserError("no_webui", "this workshop has no Open WebUI", hint="Leave out --webui-share")
    if not has_webui:
        return 0
    return SHARE if asked.webui_percent is None else asked.webui_percent


def backends_of(deployment: Deployment, models: Mapping[str, Model]) -> tuple[Backend, ...]:
    return tuple(
        Backend(one.service, one.model, one.host, way.url, way.options)
        for one in deployment.backends
        if one.model in models
        for way in (way_to(one.server, "/metrics"),)
    )
