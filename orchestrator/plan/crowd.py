"""Whether the models can serve as many people at once as will ask, by what was reckoned beforehand. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Deployment
from orchestrator.spec.document import Path_
from orchestrator.spec.loader import Spec


def at_once(deployment: Deployment, model: str) -> int | None:
    """Requests that all replicas of a model serve together; None: cannot be reckoned."""
    each = [backend.serves.requests if backend.serves else None for backend in deployment.backends_of(model)]
    known = [number for number in each if number is not None]
    return sum(known) if each and len(known) == len(each) else None


def people_for(requests: int, share: float) -> int:
    """How many people a model serves that answers so many requests at once, where that `share` of them asks."""
    return math.floor(requests / share + 1e-9)


def crowd_remarks(spec: Spec, deployment: Deployment, people: Sequence[Participant]) -> tuple[str, ...]:
    """A line for each model that can't serve the stated share of those who may use it; nothing in practice mode."""
    if spec.workshop.practice:
        return ()
    return tuple(
        f"{spec.file.name}:{spec.document.where(at, key=True).line or 0}: {text}"
        for at, text in _short(spec, deployment, [person for person in people if person.state == "active"])
    )


def _short(spec: Spec, deployment: Deployment, people: Sequence[Participant]) -> Iterator[tuple[Path_, str]]:
    assumed = spec.workshop.capacity
    for index, model in enumerate(spec.workshop.models):
        if model.is_external or model.embeds:
            continue
        users = sum(model.open_to(person.team) for person in people)
        asking, able = math.ceil(users * assumed.at_once), at_once(deployment, model.name)
        if able is not None and asking > able:
            tokens = next(b.serves.request_tokens for b in deployment.backends_of(model.name) if b.serves)
            text = f"{model.name} can serve about {able} at once (requests of {tokens} tokens), and {asking} of {users}"
            text += f" people may ask in the same moment (capacity.at_once: {assumed.at_once:g}): the others wait"
            yield ("models", index), text
