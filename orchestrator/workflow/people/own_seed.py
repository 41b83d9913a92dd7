"""What an Open WebUI of a participant's or team's own should hold: what its people may use, with keys of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.identity.accounts import ADMIN, Account
from orchestrator.identity.identity import Identity
from orchestrator.identity.pages import OwnPage, embedder_at
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.webui.library import Library, LibraryCollection
from orchestrator.webui.wanted import Connection, Function, Seed, ToolServer, VisibleModel
from orchestrator.workflow.people.knowledge import wanted_collections
from orchestrator.workflow.wanted import page as shown
from orchestrator.workflow.wanted.address import INTERNAL_GATEWAY
from orchestrator.workflow.wanted.connections import open_connections
from orchestrator.workflow.wanted.functions import functions

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


def wanted_seed_at(spec: Spec, page: OwnPage, identity: Identity, url: str, parts: Parts) -> Seed:
    """All that this one should hold: what its people may use, with their own key and for nobody else."""
    workshop, webui = spec.workshop, spec.workshop.webui
    team = page.members[0].team
    return Seed(
        title=workshop.title,
        url=url,
        admin=identity.admin(page),
        gateway_url=INTERNAL_GATEWAY,
        gateway_key=identity.page_key(page),
        models=_open_to(team, shown.menu(spec, parts.functions)),
        people=tuple(_people(page, identity)),
        chosen=shown.chosen(workshop),
        banners=shown.banners(workshop),
        suggestions=None if webui.suggestions is None else shown.suggestions(webui.suggestions),
        functions=_open_to(team, parts.functions),
        library=_library(spec, page, identity, parts),
        tool_servers=_open_to(team, shown.tool_servers(spec)),
        connections=_open_to(team, parts.connections),
    )


def collections_at(spec: Spec, page: OwnPage, parts: Parts) -> tuple[LibraryCollection, ...]:
    """Those of its people; none where nobody there may make files searchable any more."""
    if embedder_at(spec.workshop, page) is None:
        return ()
    return _open_to(page.members[0].team, parts.collections)


def _open_to(team: str | None, parts: Iterable[Part]) -> tuple[Part, ...]:
    """Those that are for this team, which has the server to itself."""
    return tuple(replace(one, teams=None) for one in parts if teams.are_open(one.teams, team))


def _library(spec: Spec, page: OwnPage, identity: Identity, parts: Parts) -> Library | None:
    model = embedder_at(spec.workshop, page)
    if model is None:
        return None
    return Library(model.name, identity.page_embeddings_key(page), collections_at(spec, page, parts))


def _people(page: OwnPage, identity: Identity) -> Iterable[Account]:
    """Administrators all; of a team, whoever was in it and is not any more has a closed account."""
    for person in identity.people:
        one = replace(identity.account(person), team=None, role=ADMIN)
        if page.holds(person.id):
            yield one
        elif page.team is not None:
            yield replace(one, active=False)
