"""The engines by name: a module of kinds/ each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from orchestrator.engines.engine import Engine
from orchestrator.spec.engine_names import engine_names, kind_of
from orchestrator.spec.models import Model


def engine_named(name: str) -> Engine:
    """Raises ModuleNotFoundError for one that is not there."""
    return cast("Engine", kind_of(name))


def engine_of(model: Model) -> Engine:
    """That of the spec, whatever stands in for it."""
    return engine_named(model.engine)


def all_engines() -> Mapping[str, Engine]:
    return {name: engine_named(name) for name in engine_names()}
