"""Which parsers take a model's calls of tools and its reasoning apart: as the spec says, or by its family. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from orchestrator.spec.models import AUTO, OFF, Model

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Parsers:
    """By an engine's own names; None: nothing is taken apart. `origin` is where they are from, in words."""

    tools: str | None
    reasoning: str | None
    origin: str

    @property
    def options(self) -> dict[str, object]:
        """As arguments; engines call them alike."""
        named = {"tool_call_parser": self.tools, "reasoning_parser": self.reasoning}
        return {name: value for name, value in named.items() if value is not None}

    def __str__(self) -> str:
        return f"tools: {self.tools or 'off'}, reasoning: {self.reasoning or 'off'} ({self.origin})"


@dataclass(frozen=True, slots=True)
class Family:
    """A line of the table; `engines` has by engine what it calls its parsers for `tools` and `reasoning`."""

    name: str
    pattern: re.Pattern[str]
    engines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def parsers_for(model: Model) -> Parsers:
    """For a model of an engine that the table has a column of."""
    family = family_of(model.source)
    known = family.engines.get(model.engine, NOTHING) if family else NOTHING
    tools, reasoning = _chosen(model.tools, known.get("tools")), _chosen(model.reasoning, known.get("reasoning"))
    by_family = AUTO in {model.tools, model.reasoning}
    return Parsers(tools, reasoning, _origin(model, family) if by_family else "as the spec says")


def _chosen(asked: str, known: str | None) -> str | None:
    return known if asked == AUTO else None if asked == OFF else asked


def _origin(model: Model, family: Family | None) -> str:
    if family is None:
        return "its family is not known: say tools: NAME"
    return family.name if model.engine in family.engines else f"{family.name}: no parser is known here"


def family_of(source: str) -> Family | None:
    """By a repository's name, or a path with such a name in it."""
    return next((family for family in families() if family.pattern.search(source.lower())), None)


@cache
def families() -> tuple[Family, ...]:
    """The committed table."""
    table = tomllib.loads((files("orchestrator.engines") / "families.toml").read_text(encoding="utf-8"))
    return tuple(
        Family(
            entry["name"],
            re.compile(entry["pattern"]),
            {engine: names for engine, names in entry.items() if isinstance(names, dict)},
        )
        for entry in table["family"]
    )
