"""Tool servers in workshop.yaml: what models may call, over OpenAPI or MCP."""

from __future__ import annotations

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
    """What people read; absent: the name."""
    description: Words | None = None
    api_key: SecretReference | None = None
    """Sent as `Authorization: Bearer`; participants never see it."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that may use its tools; absent: everybody."""

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> Self:
        if self.kind == "mcp" and "document" in self.model_fields_set:
            refuse([Problem(("document",), "document is for openapi: over MCP a server lists its tools itself")])
        return self
