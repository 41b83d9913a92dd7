"""What workflows found, as JSON for a bundle. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from pydantic import BaseModel


def as_json(value: object) -> str:
    return json.dumps(value, default=_plain, indent=1, ensure_ascii=False)


def _plain(value: object) -> object:
    """Results of workflows as JSON. Secrets print as asterisks, everything else as what it says of itself."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
