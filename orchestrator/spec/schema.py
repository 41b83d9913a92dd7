"""The JSON Schema of workshop.yaml, for editors and their completion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.spec.descriptions import descriptions
from orchestrator.spec.section import Section
from orchestrator.spec.workshop import Workshop


def spec_schema() -> dict[str, Any]:
    """Draft 2020-12, as Pydantic writes it, with what stands below the fields."""
    schema = Workshop.model_json_schema()
    described = {Workshop.__name__: schema, **schema["$defs"]}
    for section in _sections(Section):
        fields = described.get(section.__name__, {}).get("properties", {})
        for name, text in (descriptions(section) if fields else {}).items():
            fields[name] = dict(sorted((fields[name] | {"description": text}).items()))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "workshop.yaml"}


def _sections(above: type[Section]) -> Iterator[type[Section]]:
    for section in above.__subclasses__():
        yield section
        yield from _sections(section)
