"""What all sections share: unknown keys are refused, and a validator can say exactly which key is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping of workshop.yaml. Values are immutable and never coerced from another type."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Problem(NamedTuple):
    """Something wrong below the value being validated; `at` leads there."""

    at: tuple[str | int, ...]
    message: str


def refuse(problems: Iterable[Problem]) -> None:
    """Raise all of them as one validation error, if there are any. The loader takes it apart again."""
    found = list(problems)
    if found:
        raise PydanticCustomError("problems", "{count} problems", {"count": len(found), "problems": found})


def duplicates(field: str, names: Iterable[str], what: str) -> Iterable[Problem]:
    """A problem for each name in a list of sections that stands there a second time."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in seen:
            yield Problem((index, field), f"a second {what} named {name!r}; the first is number {seen[name] + 1}")
        seen.setdefault(name, index)
