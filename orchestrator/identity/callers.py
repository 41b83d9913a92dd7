"""Who may ask the gateway, for which models, and how much. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from orchestrator.identity import keys
from orchestrator.identity.identity import EMBEDDINGS, INSTRUCTOR, SERVICE, Identity, instructor_email
from orchestrator.identity.limits import UNBOUNDED, CallerLimits, limits_of, limits_together
from orchestrator.identity.pages import embedder_at
from orchestrator.identity.participant import Participant

EMBEDDINGS_AT_ONCE = 64  # requests of one person's Open WebUI, which sends four at once for each file


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone with a key: a participant, the reserved `_verify`, or Open WebUI itself (`service`)."""

    id: str
    key_hashes: tuple[str, ...]
    models: tuple[str, ...]  # names of the models that it may use
    email: str | None = None
    limits: CallerLimits | None = None  # None: the workshop's
    exempt: bool = False  # from the window
    service: bool = False  # may name the person it asks for by X-OpenWebUI-User-Email


def callers(identity: Identity) -> tuple[Caller, ...]:
    """Everybody whom the gateway lets in."""
    return (*_people(identity), *_of_pages(identity), *_of_the_shared_page(identity), *_embeddings(identity))


def _people(identity: Identity) -> Iterator[Caller]:
    workshop = identity.workshop
    for person in identity.people:
        if person.state == "active":
            yield _person(identity, person, limits_of(workshop.limits, person), person.team in workshop.instructors)
    for person in identity.verifiers:
        yield _person(identity, person, UNBOUNDED, exempt=True)


def _person(identity: Identity, person: Participant, limits: CallerLimits, exempt: bool) -> Caller:
    return Caller(
        id=person.id,
        key_hashes=_known_by(identity.key(person)),
        models=identity.workshop.models_for(person.team),
        email=person.webui_email(identity.workshop.name),
        limits=limits,
        exempt=exempt,
    )


def _of_pages(identity: Identity) -> Iterator[Caller]:
    """One for each team that has an Open WebUI of its own, and somebody active in it: what they ask counts for it."""
    workshop = identity.workshop
    if workshop.webui.bare:
        return
    for page in identity.pages:
        if page.team is not None and page.active:
            yield Caller(
                id=page.caller,
                key_hashes=_known_by(identity.page_key(page)),
                models=workshop.models_for(page.team),
                limits=limits_together(limits_of(workshop.limits, person) for person in page.active),
                exempt=page.team in workshop.instructors,
            )


def _of_the_shared_page(identity: Identity) -> Iterator[Caller]:
    """Not of people's own: whoever administers a server with the service key could ask in anybody's name."""
    workshop = identity.workshop
    everything = tuple(model.name for model in workshop.listed)
    if workshop.webui.is_here:  # asks through Open WebUI only
        email = instructor_email(workshop.name)
        yield Caller(INSTRUCTOR, (), everything, email, limits=UNBOUNDED, exempt=True)
    if not workshop.webui.is_own:
        key = _known_by(identity.service_key)
        yield Caller(SERVICE, key, everything, limits=UNBOUNDED, exempt=True, service=True)


def _embeddings(identity: Identity) -> Iterator[Caller]:
    """They ask at any time, since files are read before the class comes."""
    model = identity.workshop.embedder
    if model is None:
        return
    if identity.workshop.webui.is_shared:
        key = _known_by(identity.embeddings_key)
        yield Caller(EMBEDDINGS, key, (model.name,), limits=UNBOUNDED, exempt=True)
    for page in identity.pages:
        if embedder_at(identity.workshop, page):
            key = _known_by(identity.page_embeddings_key(page))
            limits = CallerLimits(concurrent_requests=EMBEDDINGS_AT_ONCE * len(page.active))
            yield Caller(f"{EMBEDDINGS}-{page.caller}", key, (model.name,), limits=limits, exempt=True)


def _known_by(key: SecretStr) -> tuple[str, ...]:
    return (keys.fingerprint(key),)
