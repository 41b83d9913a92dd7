"""The knowledge of the spec: as Open WebUI should hold it, and what of it was put there already."""

from __future__ import annotations

import hashlib
import json

from orchestrator.plan.policy import embeddings_key
from orchestrator.spec.knowledge_files import find_knowledge
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile

KNOWLEDGE = "_knowledge"  # kept in the state like a host
DIGEST = "digest"


def wanted_library(spec: Spec, secret: bytes) -> Library | None:
    """Reads every file. Raises SpecError where the spec names what is not there."""
    model = spec.workshop.embedder
    if model is None:
        return None
    collections = tuple(
        LibraryCollection(
            found.name,
            found.description,
            found.teams,
            tuple(LibraryFile.at(file.name, file.path) for file in found.files),
        )
        for found in find_knowledge(spec).collections
    )
    return Library(model.name, embeddings_key(secret), collections)


def remember(state: State, library: Library | None) -> None:
    """To be called once Open WebUI holds it."""
    if digest(library) != _remembered(state):
        state.deployed.record_applied(KNOWLEDGE, DIGEST, digest(library))


def foreseen(spec: Spec, state: State) -> str | None:
    """What the next `provision` has to do for it, in words; None: nothing."""
    library = wanted_library(spec, b"")
    if digest(library) == _remembered(state):
        return None
    collections = library.collections if library else ()
    return f"{len(collections)} collections, {sum(len(collection.files) for collection in collections)} files"


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
