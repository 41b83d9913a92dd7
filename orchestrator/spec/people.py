"""Who takes part: a number of seats, or a roster in a CSV file; spare seats either way."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from orchestrator.spec.section import Problem, Section, refuse
from orchestrator.spec.values import RelativePath

MOST = 2000


class Participants(Section):
    """Either `count` or `roster`; `spare` seats get cards too, for people who come unannounced."""

    count: Annotated[int, Field(ge=1, le=MOST)] | None = None
    roster: RelativePath | None = None
    """CSV with a header: name,email[,team][,id]."""
    spare: Annotated[int, Field(ge=0, le=500)] = 0

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.count is None) == (self.roster is None):
            refuse([Problem((), "give either count: NUMBER or roster: FILE.csv")])
        return self
