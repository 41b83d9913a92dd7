"""The JSON Schema of workshop.yaml, for editors and their completion."""

from __future__ import annotations

from typing import Any

from orchestrator.spec.workshop import Workshop


def spec_schema() -> dict[str, Any]:
    """Draft 2020-12, as Pydantic writes it."""
    schema = Workshop.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "workshop.yaml"}
