"""The engines by name: a module of kinds/ each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from orchestrator.engines.engine import Engine
from orchestrator.spec.engine_names import KINDS, engine_names
from orchestrator.spec.models import Model


def engine_named(name: str) -> Engine:
    """Raises ModuleNotFoundError for one that is not there."""
    engine: Engine = import_module(f"{KINDS}.{name}").ENGINE
    return engine


def engine_of(model: Model) -> Engine:
    """That of the spec, whatever stands in for it."""
    return engine_named(model.engine)


def all_engines() -> Mapping[str, Engine]:
    return {name: engine_named(name) for name in engine_names()}
