"""The kinds of container image that a workshop is made of: those that orchestrator.pins has a version of."""

from __future__ import annotations

from typing import Annotated, NewType

from orchestrator import pins
from orchestrator.spec.values import one_of

Component = NewType("Component", str)
GATEWAY, WEBUI = Component("gateway"), Component("webui")
COMPONENTS = tuple(map(Component, pins.IMAGES))
ComponentName = Annotated[Component, one_of(lambda: COMPONENTS)]
