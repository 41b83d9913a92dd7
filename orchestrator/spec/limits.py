"""How much each may ask: the default, and what is different for a team, a participant, or at one model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from orchestrator.spec.section import Problem, Section, refuse
from orchestrator.spec.values import TeamName

Requests = Annotated[int, Field(ge=1, le=100_000)]
Concurrent = Annotated[int, Field(ge=1, le=1_000)]
Tokens = Annotated[int, Field(ge=1)]
Who = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][^\s\x00-\x1f\x7f]{0,253}$")]
"""A participant's id, or mail."""


class Bounds(Section):
    """Bounds that replace the more general ones, field by field; null does not bound."""

    requests_per_minute: Requests | None = None
    concurrent_requests: Concurrent | None = None
    tokens_per_minute: Tokens | None = None
    token_budget: Tokens | None = None
    """Tokens in all, prompts and answers together."""

    @property
    def given(self) -> dict[str, int | None]:
        """The fields that stand in the file."""
        return {name: getattr(self, name) for name in Bounds.model_fields if name in self.model_fields_set}


class Limits(Section):
    """Bounds for each participant: what is given for them, else for their team, else what stands here."""

    requests_per_minute: Requests | None = 60
    concurrent_requests: Concurrent | None = 4
    tokens_per_minute: Tokens | None = None
    token_budget: Tokens | None = None
    """Tokens in all, prompts and answers together."""
    teams: dict[TeamName, Bounds] = {}
    """What is different for the members of a team."""
    participants: dict[Who, Bounds] = {}
    """What is different for one participant, by id (p01) or mail."""

    @property
    def default(self) -> dict[str, int | None]:
        return {name: getattr(self, name) for name in Bounds.model_fields}

    @cached_property
    def persons(self) -> dict[str, Bounds]:
        """`participants` by what they are found by: capitals make no difference."""
        return {who.lower(): bounds for who, bounds in self.participants.items()}

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        refuse(self._twice())
        return self

    def _twice(self) -> Iterable[Problem]:
        seen: dict[str, str] = {}
        for who in self.participants:
            if who.lower() in seen:
                yield Problem(("participants", who), f"the same as {seen[who.lower()]!r}, but for capitals")
            seen.setdefault(who.lower(), who)
