"""Practice mode: each engine's place taken by one that runs on a CPU with synthetic weights. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.plan.capacity import MOST_REQUESTS, Serves
from orchestrator.plan.deployment import Container, Fetch
from orchestrator.plan.engines import (
    OLLAMA_PORT,
    curl_health,
    llamacpp_embeds,
    llamacpp_environment,
    ollama_environment,
)
from orchestrator.plan.model_size import GIB
from orchestrator.spec.components import Component
from orchestrator.spec.models import Engine, Model

CONTEXT = 8192  # tokens: what a search gives of a collection must fit, and a letter is a token here
SLOTS = 4
KV_GIB = 1
TOKEN_BYTES = 512  # of the synthetic model's KV cache: 2 layers, a key and a value, 64 numbers, two bytes each
GGUF = "models/tiny.gguf"  # in the stack's folder
CHECKPOINT = "models/tiny"
PUT_SCRIPT = "put-model.sh"


@dataclass(frozen=True, slots=True)
class PracticeEngine:
    container: Container
    served_name: str
    stand_in: str | None = None
    fetch: Fetch | None = None


def practice_engine(model: Model, service: str, unavailable: dict[Component, str]) -> PracticeEngine:
    """What serves this model here; `unavailable` says which images cannot be had, and why."""
    match model.engine:
        case Engine.LLAMACPP:
            return PracticeEngine(_llamacpp(model), model.name)
        case _ if model.embeds:
            reason = "llama.cpp makes the embeddings, from random weights"
        case Engine.VLLM if Component.VLLM_CPU not in unavailable:
            return PracticeEngine(_vllm_cpu(model), model.name)
        case Engine.VLLM:
            reason = f"llama.cpp stands in for vLLM: {unavailable[Component.VLLM_CPU]}"
        case Engine.OLLAMA if Component.OLLAMA not in unavailable:
            return PracticeEngine(_ollama(model), model.source, fetch=_ollama_put(model, service))
        case Engine.OLLAMA:
            why = unavailable[Component.OLLAMA]
            reason = f"llama.cpp stands in for Ollama, so its native routes /ollama/api/* are not served: {why}"
        case Engine.TGI:
            reason = "llama.cpp stands in for TGI, which is run on GPUs only"
        case Engine.EXTERNAL:
            reason = "llama.cpp stands in for the external provider, which practice mode never asks"
    return PracticeEngine(_llamacpp(model), model.name, reason)


def practice_serves(engine: PracticeEngine) -> Serves:
    """What a stand-in can do at once: its slots, or what vLLM's KV space holds of the synthetic model's tokens."""
    if engine.container.component is not Component.VLLM_CPU:
        return Serves(SLOTS, CONTEXT, SLOTS * CONTEXT, "its slots", most=SLOTS)
    tokens = KV_GIB * GIB // TOKEN_BYTES
    return Serves(min(MOST_REQUESTS, tokens // CONTEXT), CONTEXT, tokens, "the synthetic model", most=MOST_REQUESTS)


def _llamacpp(model: Model) -> Container:
    environment = {"LLAMA_ARG_MODEL": "/models/tiny.gguf", "LLAMA_ARG_THREADS": "1"}
    if model.embeds:
        environment |= {**llamacpp_embeds(CONTEXT), "LLAMA_ARG_POOLING": "mean"}
    return Container(
        component=Component.LLAMACPP,
        port=8080,
        command=("--alias", model.name),
        environment=environment | llamacpp_environment(CONTEXT, SLOTS),
        health=curl_health(8080),
        files=((GGUF, "/models/tiny.gguf"),),
        memory_mib=512,
        start_seconds=min(60, model.start_timeout),
    )


def _vllm_cpu(model: Model) -> Container:
    return Container(
        component=Component.VLLM_CPU,
        port=8000,
        command=(
            "--model",
            "/models/tiny",
            "--served-model-name",
            model.name,
            "--max-model-len",
            str(CONTEXT),
            "--enforce-eager",
        ),
        environment={
            "VLLM_CPU_KVCACHE_SPACE": str(KV_GIB),  # touched at start
            "OMP_NUM_THREADS": "1",
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "HF_HUB_OFFLINE": "1",
        },
        health=curl_health(8000),
        files=((CHECKPOINT, "/models/tiny"),),
        shm_gib=1,
        memory_mib=6144,
        start_seconds=min(240, model.start_timeout),
    )


def _ollama(model: Model) -> Container:
    return Container(
        component=Component.OLLAMA,
        port=OLLAMA_PORT,
        command=("serve",),
        environment=ollama_environment(CONTEXT, SLOTS),
        health=("ollama", "list"),
        memory_mib=2048,
        start_seconds=min(60, model.start_timeout),
    )


def _ollama_put(model: Model, service: str) -> Fetch:
    """The synthetic model goes in through Ollama's own API: a blob, then `create`."""
    return Fetch(
        Component.LLAMACPP,  # for its curl
        ("/bin/sh", "/put-model.sh", f"http://{service}:{OLLAMA_PORT}", model.source, "/models/tiny.gguf"),
        files=((GGUF, "/models/tiny.gguf"), (PUT_SCRIPT, "/put-model.sh")),
        after_start=True,
    )
