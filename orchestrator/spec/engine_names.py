"""The engines that there are: the modules of orchestrator.engines.kinds, found by their names.

They stand above the spec, which knows of them no more than what `Kind` says.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Protocol

from orchestrator.spec.section import Problem
from orchestrator.spec.values import one_of

KINDS = "orchestrator.engines.kinds"


class Kind(Protocol):
    """What the spec asks of an engine."""

    needs_gpus: bool

    def problems(self, model: Any) -> Iterable[Problem]:
        """What of a model it can't do."""


@cache
def engine_names() -> tuple[str, ...]:
    """In alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(import_module(KINDS).__path__)))


def kind_of(name: str) -> Kind:
    """The engine of this name."""
    kind: Kind = import_module(f"{KINDS}.{name}").ENGINE
    return kind


EngineName = Annotated[str, one_of(engine_names)]
