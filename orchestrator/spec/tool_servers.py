"""Tool servers in workshop.yaml: what models may call, over OpenAPI or MCP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orchestrator.spec.endpoints import BaseUrl
from orchestrator.spec.section import Problem, Section, refuse
from orchestrator.spec.values import DnsLabel, Line, SecretReference, TeamName, Words

DocumentPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~/-]{1,200}$")]


class ToolServer(Section):
    """A server of tools, which Open WebUI offers in each chat. It must be reachable from Open WebUI's host."""

    name: DnsLabel
    kind: Literal["openapi", "mcp"]
    url: BaseUrl
    """As Open WebUI's container reaches it: `localhost` is the container. MCP: the address of its streamable HTTP."""
    document: DocumentPath = "openapi.json"
    """OpenAPI only: where below the URL it describes its tools."""
    title: Line | None = None
    """MCP only, what people read; absent: the name. An OpenAPI server says it itself."""
    description: Words | None = None
    """MCP only, as the title."""
    api_key: SecretReference | None = None
    """Sent as `Authorization: Bearer`; participants never see it."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that may use its tools; absent: everybody."""

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> Self:
        refuse(self._problems())
        return self

    def _problems(self) -> Iterable[Problem]:
        foreign = ("document",) if self.kind == "mcp" else ("title", "description")
        for field in foreign:
            if field in self.model_fields_set:
                yield Problem((field,), f"{field} does not belong to a server of the kind {self.kind}")
