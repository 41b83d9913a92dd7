"""Open WebUI's functions in workshop.yaml: Python files that run inside the server."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from orchestrator.spec.section import Section
from orchestrator.spec.values import Line, ModelName, RelativePath, SecretReference, TeamName, Words

FunctionId = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
ValveName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


class Function(Section):
    """A filter, a pipe or an action. It runs inside Open WebUI and can do there whatever Open WebUI can."""

    file: RelativePath
    """Python, with a class Filter, Pipe or Action."""
    id: FunctionId | None = None
    """Absent: the file's name without .py."""
    title: Line | None = None
    """Absent: the id."""
    description: Words | None = None
    valves: dict[ValveName, SecretReference | bool | int | float | str | list[str]] = {}
    """Its settings, by name; a value may be a reference to a secret. Others keep what they have."""
    models: Annotated[list[ModelName], Field(min_length=1)] | None = None
    """Filters and actions: the models and presets that they are for; absent: all."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """Pipes: the teams that see the models that it adds; absent: everybody."""

    @property
    def name(self) -> str:
        return self.id or self.file.stem
