"""What all sections share: unknown keys are refused, and a validator can say exactly which key is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping of workshop.yaml. Values are immutable and never coerced from another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Problem(NamedTuple):
    """Something wrong below the value being validated; `at` leads there.

    `looked_in`: the section or field that was looked into, from the top. Where that is wrong itself, it alone is told.
    """

    at: tuple[str | int, ...]
    message: str
    hint: str | None = None
    looked_in: tuple[str | int, ...] = ()


def refuse(problems: Iterable[Problem]) -> None:
    """Raise all of them as one validation error, if there are any. The loader takes it apart again."""
    found = list(problems)
    if found:
        raise PydanticCustomError("problems", "{count} problems", {"count": len(found), "problems": found})


def duplicates(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each name that stood in the list before, and its index."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield name, index
        seen.add(name)


def below(section: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The same problems, seen from one level up."""
    return (problem._replace(at=(section, *problem.at)) for problem in problems)


def same_names(names: Sequence[str], what: str) -> Iterator[Problem]:
    """A problem for each section of a list whose name is that of an earlier one."""
    for name, index in duplicates(names):
        yield Problem((index, "name"), f"a second {what} named {name!r}; the first is number {names.index(name) + 1}")
