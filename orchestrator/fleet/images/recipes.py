"""How each image is built from packages, or why it is not."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.engines.image import Recipe
from orchestrator.engines.registry import all_engines
from orchestrator.spec.components import GATEWAY, WEBUI, Component

_ENGINES = {image: how for engine in all_engines().values() for image, how in engine.images.items()}
RECIPES: Mapping[Component, Recipe] = {
    GATEWAY: Recipe("gateway", "forky"),
    WEBUI: Recipe("webui", "bookworm"),
    **{image: how for image, how in _ENGINES.items() if isinstance(how, Recipe)},
}
NOT_PACKAGED: Mapping[Component, str] = {image: how for image, how in _ENGINES.items() if isinstance(how, str)}
