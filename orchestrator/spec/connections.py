"""Open WebUI's own connections in workshop.yaml: endpoints that it asks past the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orchestrator.spec.endpoints import BaseUrl, HeaderName, HeaderValue
from orchestrator.spec.section import Problem, Section, duplicates, refuse, same_names
from orchestrator.spec.values import DnsLabel, Line, SecretReference, TeamName

ProviderModel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@][A-Za-z0-9@+._:/-]{0,198}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,38}[A-Za-z0-9])?$")]
Kind = Literal["openai", "ollama"]


class Connection(Section):
    """An endpoint that Open WebUI asks itself, past the gateway: without its limits, its hours and its log."""

    name: DnsLabel
    kind: Kind = "openai"
    """The API that it speaks."""
    url: BaseUrl
    """As Open WebUI's container reaches it: `localhost` is the container. `openai`: with its path, often /v1."""
    api_key: SecretReference | None = None
    """Sent as `Authorization: Bearer`; participants never see it."""
    prefix: Prefix | None = None
    """Before the names of its models, with a dot: `lab.gpt-4o`; absent: nothing."""
    tags: Annotated[list[Line], Field(max_length=20)] = []
    """By which the model menu filters."""
    models: Annotated[list[ProviderModel], Field(min_length=1, max_length=500)] | None = None
    """Only these, as the provider calls them; absent: all that it lists when `provision` asks."""
    enabled: bool = True
    """`false` keeps it there, switched off."""
    headers: dict[HeaderName, HeaderValue] = {}
    """More headers for the provider. A value may be a reference to a secret."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that see its models; absent: everybody."""

    @property
    def address(self) -> str:
        """Without a slash at the end, which would ask for //models."""
        return self.url.rstrip("/")

    @property
    def known_ids(self) -> tuple[str, ...]:
        """What participants call its models, where the list is in the file."""
        return tuple(model_id(self.prefix, self.kind, model) for model in self.models or ())

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        refuse(self._own_problems())
        return self

    def _own_problems(self) -> Iterator[Problem]:
        for model, number in duplicates(self.models or ()):
            yield Problem(("models", number), f"{model!r} stands here twice")
        names = ["authorization"] if self.api_key else []
        for name, _ in duplicates([*names, *(name.lower() for name in self.headers)]):
            given = next(own for own in reversed(self.headers) if own.lower() == name)
            yield Problem(("headers", given), f"the header {given} is given twice")


def model_id(prefix: str | None, kind: str, model: str) -> str:
    """What participants call a model of a connection. Ollama's names have a tag, `latest` if they are given none."""
    full = f"{model}:latest" if kind == "ollama" and ":" not in model else model
    return f"{prefix}.{full}" if prefix else full


def connection_problems(
    connections: Sequence[Connection], taken: Sequence[str], functions: Sequence[str]
) -> Iterator[Problem]:
    """`taken`: names that models, their aliases and presets have; `functions`: ids that are put before their models."""
    yield from same_names([one.name for one in connections], "connection")
    owners = dict.fromkeys(taken, "the workshop itself")
    for index, one in enumerate(connections):
        if one.prefix in functions:
            yield Problem((index, "prefix"), f"{one.prefix!r} stands before the models of a function already")
        for number, name in enumerate(one.known_ids):
            owner = owners.setdefault(name, f"the connection {one.name!r}")
            if owner != f"the connection {one.name!r}":
                hint = "Give the connection a prefix of its own"
                yield Problem((index, "models", number), f"{name!r} is the name of a model of {owner} already", hint)
