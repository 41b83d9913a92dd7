"""A provider elsewhere, which the gateway asks: nothing of ours runs. orchestrator.spec.providers has what it takes."""

from __future__ import annotations

from orchestrator.engines.container import Served
from orchestrator.engines.engine import Engine, PracticeEngine, Start, Unavailable
from orchestrator.engines.practice import EMBEDS, stand_in
from orchestrator.spec.models import Model


class External(Engine):
    title = "the external provider"
    images = {}

    def image(self, model: Model) -> None:
        return None

    def serve(self, model: Model, start: Start) -> Served:
        raise ValueError(model.name)

    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        why = "llama.cpp stands in for the external provider, which practice mode never asks"
        return stand_in(model, EMBEDS if model.embeds else why)


ENGINE = External()
