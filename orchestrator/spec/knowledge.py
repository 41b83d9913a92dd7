"""Knowledge in workshop.yaml: collections of files for Open WebUI, and the model that makes them searchable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem, Section, duplicates, same_names
from orchestrator.spec.values import FilesEntry, Line, TeamName
from orchestrator.spelling import did_you_mean, nearest

EMBEDDINGS = ("webui", "embeddings")


class Collection(Section):
    """Files that a chat can be asked to look things up in."""

    name: Line
    """What people pick it by, after typing # in a chat."""
    description: Line | None = None
    """Shown beside the name."""
    files: Annotated[list[FilesEntry], Field(min_length=1)]
    """Files, folders (with all below them) and patterns like `slides/*.pdf`, relative to workshop.yaml."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that may use it; absent: everybody."""


def embedder(name: str | None, models: Sequence[Model]) -> Model | None:
    """The model that embeds, by its name or an alias of it."""
    return next((model for model in models if name is not None and name in (model.name, *model.aliases)), None)


def knowledge_problems(
    embeddings: str | None,
    knowledge: Sequence[Collection],
    models: Sequence[Model],
    *,
    has_page: bool,
    elsewhere: bool = False,
) -> Iterable[Problem]:
    """What can only be seen with the models; places are below `webui`. `elsewhere`: its server makes embeddings."""
    for field, given in (("embeddings", embeddings), ("knowledge", knowledge)):
        if given and not has_page:
            yield Problem((field,), f"{field} is for Open WebUI, and its mode is none")
    model = embedder(embeddings, models)
    if embeddings and model is None:
        hint = did_you_mean(nearest(embeddings, [one.name for one in models if one.embeds]))
        yield Problem(("embeddings",), f"no model is named {embeddings!r}", hint, ("models",))
    elif model and not model.embeds:
        message = f"{model.name!r} is started for chats"
        yield Problem(("embeddings",), message, "Name a model that has embeds: true", ("models",))
    if knowledge and not embeddings and not elsewhere:
        hint = "Give webui.embeddings, the name of a model that has embeds: true"
        yield Problem(("knowledge",), "knowledge needs a model that makes embeddings", hint, EMBEDDINGS)
    for twin in same_names([one.name for one in knowledge], "collection"):
        yield twin._replace(at=("knowledge", *twin.at))
    for index, collection in enumerate(knowledge):
        for entry, number in duplicates(collection.files):
            yield Problem(("knowledge", index, "files", number), f"{entry!r} stands here twice")
