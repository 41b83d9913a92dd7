"""The keys with which Open WebUI makes files searchable: each opens the one model that embeds, and nothing else. Pure.

Where everybody shares one Open WebUI only the instructor can read its key. Where each has one of their own, its
administrators can: so it is another key for each, which ends with its people's access.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import SecretStr

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.plan.deployment import Instance
from orchestrator.plan.gateway import Caller, CallerLimits
from orchestrator.plan.instances import instances
from orchestrator.plan.team_keys import caller_id, key_of_many
from orchestrator.spec.models import Model
from orchestrator.spec.workshop import Workshop

EMBEDDINGS = "_embeddings"  # names no person
AT_ONCE = 64  # requests of one person's Open WebUI, which sends four at once for each file


def embeddings_key(secret: bytes) -> SecretStr:
    """That of the Open WebUI for everybody."""
    return keys.api_key(secret, EMBEDDINGS, 1)


def own_embeddings_key(secret: bytes, instance: Instance, people: Sequence[Participant]) -> SecretStr:
    """That of somebody's own, or of a team's: another one whenever its people's own key is another one."""
    if instance.team is not None:
        return key_of_many(secret, _caller(instance), instance, people)
    (owner,) = (person for person in people if person.id in instance.members)
    return keys.api_key(secret, _caller(instance), owner.key_generation)


def embedder_at(workshop: Workshop, instance: Instance, people: Sequence[Participant]) -> Model | None:
    """What makes files searchable there; None: nothing, or nobody there may use it any more."""
    model, (active, team) = workshop.embedder, _active(instance, people)
    return model if model and active and model.open_to(team) else None


def embedding_callers(workshop: Workshop, people: Sequence[Participant], secret: bytes) -> Iterator[Caller]:
    """They ask at any time, since files are read before the class comes."""
    model = workshop.embedder
    if model is None:
        return
    if workshop.webui.is_shared:
        yield _asking(EMBEDDINGS, embeddings_key(secret), model, CallerLimits())
    for instance in instances(workshop, people):
        if embedder_at(workshop, instance, people):
            limits = CallerLimits(concurrent_requests=AT_ONCE * _active(instance, people)[0])
            yield _asking(_caller(instance), own_embeddings_key(secret, instance, people), model, limits)


def _asking(name: str, key: SecretStr, model: Model, limits: CallerLimits) -> Caller:
    return Caller(id=name, key_hashes=(keys.fingerprint(key),), models=(model.name,), limits=limits, exempt=True)


def _caller(instance: Instance) -> str:
    """What the gateway's log and `usage --all` call it: `_embeddings-p01`, `_embeddings-team-red`."""
    return f"{EMBEDDINGS}-{caller_id(instance)}"


def _active(instance: Instance, people: Sequence[Participant]) -> tuple[int, str | None]:
    """How many of its people may ask, and their team."""
    active = [person for person in people if person.id in instance.members and person.state == "active"]
    return len(active), active[0].team if active else None
