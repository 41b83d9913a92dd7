"""What practice mode's engines have in common: a synthetic model, and llama.cpp where nothing better is there. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from orchestrator.engines.arguments import curl_health, flags
from orchestrator.engines.capacity import Serves
from orchestrator.engines.container import MESSAGES, RESPONSES, Container
from orchestrator.engines.engine import PracticeEngine
from orchestrator.engines.llama_server import embeds, slots
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model

CONTEXT = 8192  # tokens: what a search gives of a collection must fit, and a letter is a token here
SLOTS = 4
GGUF = "models/tiny.gguf"  # in the stack's folder
CHECKPOINT = "models/tiny"
PUT_SCRIPT = "put-model.sh"
STAND_IN = Component("llamacpp")
IN_SLOTS = Serves(SLOTS, CONTEXT, SLOTS * CONTEXT, "its slots", most=SLOTS)
EMBEDS = "llama.cpp makes the embeddings, from random weights"


def tried_here(model: Model, elsewhere: AbstractSet[str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The model's args as practice mode tries them, and the names of those that it leaves out: `elsewhere`."""
    left_out = tuple(name for name in model.args if name.replace("-", "_") in elsewhere)
    return {name: value for name, value in model.args.items() if name not in left_out}, left_out


def stand_in(model: Model, why: str | None, elsewhere: AbstractSet[str] | None = None) -> PracticeEngine:
    """llama.cpp, for itself or for an engine that can't run here, whose args it does not know (`elsewhere` None)."""
    args, left_out = ({}, tuple(model.args)) if elsewhere is None else tried_here(model, elsewhere)
    environment = {"LLAMA_ARG_MODEL": "/models/tiny.gguf", "LLAMA_ARG_THREADS": "1"}
    if model.embeds:
        environment |= {**embeds(CONTEXT), "LLAMA_ARG_POOLING": "mean"}
    container = Container(
        component=STAND_IN,
        port=8080,
        command=("--alias", model.name, *flags(args)),
        environment=environment | slots(CONTEXT, SLOTS, cache_mib=0),
        health=curl_health(8080),
        routes=(RESPONSES, MESSAGES),
        files=((GGUF, "/models/tiny.gguf"),),
        memory_mib=512,
        start_seconds=min(60, model.start_timeout),
    )
    return PracticeEngine(container, model.name, IN_SLOTS, left_out, why)
