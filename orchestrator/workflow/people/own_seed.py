"""What an Open WebUI of a participant's or team's own should hold: what its people may use, with keys of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.participants import Participant
from orchestrator.plan.deployment import Instance
from orchestrator.plan.embedding_keys import embedder_at, own_embeddings_key
from orchestrator.plan.policy import instructor_email, key_of
from orchestrator.plan.team_keys import team_key
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.webui.library import Library, LibraryCollection
from orchestrator.webui.wanted import Admin, Connection, Function, Person, Seed, ToolServer, VisibleModel
from orchestrator.workflow.people.accounts import person_of
from orchestrator.workflow.people.knowledge import wanted_collections
from orchestrator.workflow.wanted import page
from orchestrator.workflow.wanted.connections import open_connections
from orchestrator.workflow.wanted.desired import INTERNAL_GATEWAY, admin_password
from orchestrator.workflow.wanted.functions import functions

ADMIN = "admin"
Part = TypeVar("Part", VisibleModel, Function, ToolServer, Connection, LibraryCollection)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read from files, once for all of them."""

    functions: Sequence[Function] = ()
    collections: Sequence[LibraryCollection] = ()
    connections: Sequence[Connection] = ()


def parts_of(spec: Spec) -> Parts:
    """Raises UserError with the line of a file that can't be used."""
    return Parts(functions(spec), wanted_collections(spec), open_connections(spec))


def wanted_seed_at(
    spec: Spec, instance: Instance, people: Sequence[Participant], secret: bytes, url: str, parts: Parts
) -> Seed:
    """All that this one should hold: what its people may use, with their own key and for nobody else."""
    workshop, webui = spec.workshop, spec.workshop.webui
    first = next(person for person in people if person.id in instance.members)
    team = first.team
    key = key_of(secret, first) if instance.team is None else team_key(secret, instance, people)
    return Seed(
        title=workshop.title,
        url=url,
        admin=Admin(instructor_email(workshop.name), admin_password(secret, instance.service)),
        gateway_url=INTERNAL_GATEWAY,
        gateway_key=key,
        models=_open_to(team, page.menu(spec, parts.functions)),
        people=tuple(_people(workshop.name, instance, people, secret)),
        chosen=page.chosen(workshop),
        banners=page.banners(workshop),
        suggestions=None if webui.suggestions is None else page.suggestions(webui.suggestions),
        functions=_open_to(team, parts.functions),
        library=_library(spec, instance, people, secret, parts),
        tool_servers=_open_to(team, page.tool_servers(spec)),
        connections=_open_to(team, parts.connections),
    )


def collections_at(
    spec: Spec, instance: Instance, people: Sequence[Participant], parts: Parts
) -> tuple[LibraryCollection, ...]:
    """Those of its people; none where nobody there may make files searchable any more."""
    if embedder_at(spec.workshop, instance, people) is None:
        return ()
    team = next(person.team for person in people if person.id in instance.members)
    return _open_to(team, parts.collections)


def _open_to(team: str | None, parts: Iterable[Part]) -> tuple[Part, ...]:
    """Those that are for this team, which has the server to itself."""
    return tuple(replace(one, teams=None) for one in parts if teams.are_open(one.teams, team))


def _library(
    spec: Spec, instance: Instance, people: Sequence[Participant], secret: bytes, parts: Parts
) -> Library | None:
    model = embedder_at(spec.workshop, instance, people)
    if model is None:
        return None
    key = own_embeddings_key(secret, instance, people)
    return Library(model.name, key, collections_at(spec, instance, people, parts))


def _people(workshop: str, instance: Instance, people: Sequence[Participant], secret: bytes) -> Iterable[Person]:
    """Administrators all; of a team, whoever was in it and is not any more has a closed account."""
    for person in people:
        one = replace(person_of(person, workshop, secret), team=None, role=ADMIN)
        if person.id in instance.members:
            yield one
        elif instance.team is not None:
            yield replace(one, active=False)
