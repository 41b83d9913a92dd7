"""The knowledge of the spec: as Open WebUI should hold it, and what of it was put there already."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import SecretStr

from orchestrator.identity.pages import embedder_at
from orchestrator.plan.deployment import Deployment
from orchestrator.spec import teams
from orchestrator.spec.knowledge_files import find_knowledge
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile

KNOWLEDGE = "_knowledge"  # kept in the state like a host
DIGEST = "digest"
PIECE = 900  # bytes of text: Open WebUI cuts at 1000, and each piece repeats 100 of the one before


def wanted_library(spec: Spec, key: SecretStr) -> Library | None:
    """Of the one for everybody, which asks for embeddings with this key; elsewhere it has a model of its own.

    Raises as `wanted_collections`.
    """
    model, webui = spec.workshop.embedder, spec.workshop.webui
    if model is None and not (webui.is_elsewhere and webui.knowledge):
        return None
    return Library(model.name if model else "", key, wanted_collections(spec))


def wanted_collections(spec: Spec) -> tuple[LibraryCollection, ...]:
    """Reads every file. Raises SpecError where the spec names what is not there."""
    return tuple(
        LibraryCollection(
            found.name,
            found.description,
            found.teams,
            tuple(LibraryFile.at(file.name, file.path) for file in found.files),
        )
        for found in find_knowledge(spec).collections
    )


def remember(state: State, library: Library | None) -> None:
    """To be called once Open WebUI holds it."""
    if digest(library) != _remembered(state):
        state.deployed.record_applied(KNOWLEDGE, DIGEST, digest(library))


def foreseen(spec: Spec, state: State) -> str | None:
    """What the next `provision` has to do for it, in words; None: nothing."""
    library = wanted_library(spec, SecretStr(""))
    if digest(library) == _remembered(state):
        return None
    collections = library.collections if library else ()
    return f"{len(collections)} collections, {sum(len(collection.files) for collection in collections)} files"


def copies_note(spec: Spec, deployment: Deployment) -> tuple[str, ...]:
    """What it costs that each Open WebUI of somebody's own makes its files searchable itself; nothing: it doesn't."""
    running = [one for stack in deployment.stacks for one in stack.running]
    searching = [one.own for one in running if embedder_at(spec.workshop, one.own)]
    if not searching:
        return ()
    holding = [own.members[0].team for own in searching]
    files = pieces = 0
    for found in find_knowledge(spec).collections:
        copies = sum(teams.are_open(found.teams, team) for team in holding)
        files += copies * len(found.files)
        pieces += copies * sum(_pieces(file.path) for file in found.files)
    if not files:
        return ()
    each = f"each of {len(searching)} Open WebUIs reads its files itself"
    return (f"{each}: {files} in all, with up to about {pieces} embeddings by {spec.workshop.webui.embeddings}",)


def _pieces(path: Path) -> int:
    """Of a file that is all text."""
    try:
        return max(1, -(-path.stat().st_size // PIECE))
    except OSError:
        return 0  # told where it is to be sent


def digest(library: Library | None) -> str:
    """Of all that is in it; empty: nothing."""
    if library is None or not library.collections:
        return ""
    told = [
        [one.name, one.description, one.teams, [[file.name, file.sha256] for file in one.files]]
        for one in library.collections
    ]
    return hashlib.sha256(json.dumps([library.model, told]).encode()).hexdigest()


def _remembered(state: State) -> str:
    return state.deployed.applied(KNOWLEDGE).get(DIGEST, "")
