"""The kinds of container image that a workshop is made of: those that orchestrator.pins has a version of."""

from __future__ import annotations

from typing import Annotated, NewType

from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from orchestrator import pins

Component = NewType("Component", str)
GATEWAY, WEBUI = Component("gateway"), Component("webui")
COMPONENTS = tuple(map(Component, pins.IMAGES))


def _one_of_them(_source: object, _handler: object) -> core_schema.CoreSchema:
    return core_schema.literal_schema(list(COMPONENTS))


ComponentName = Annotated[Component, GetPydanticSchema(_one_of_them)]
