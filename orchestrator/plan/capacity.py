"""What a replica needs of its GPUs, and how many requests it can serve at once. Pure.

Requests = floor(free KV bytes / bytes of one request); free = budget - weights - overhead, on each GPU.
docs/capacity.md has the sums with an example. Where a part of it is not known the answer is None, and says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchestrator.plan.model_size import GIB, UNKNOWN, ModelSize, gib, kv_width
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.models import Engine, Model

VLLM_SHARE = 0.92
"""Of a GPU's memory, where nothing else is said: gpu_memory_utilization in vllm/config/cache.py of vLLM 0.32."""
OVERHEAD_GIB = 3.5
"""What vLLM takes of each GPU besides weights and KV cache. https://github.com/vllm-project/vllm/pull/10511 measured
1.79 GiB outside PyTorch and 1.26 GiB of activations (Llama 3 8B, 80 GB); CUDA graphs, 0.36 GiB in
https://github.com/gpustack/runner/pull/251, count since vLLM 0.21. Smaller GPUs take less: it errs to the safe side."""
OVERHEAD_SHARED_GIB = 5.5
"""The same where several GPUs work together: 3.58 and 1.26 GiB in that pull request."""
LEAST_REQUESTS = 2
"""Requests that a replica must be able to serve at once to be worth placing."""
MOST_REQUESTS = 256
"""Of vLLM at once unless max_num_seqs says otherwise: its default on GPUs below 70 GiB."""
LEAST_PARALLEL, MOST_PARALLEL = 2, 16  # requests that Ollama and llama.cpp batch; memory grows with each
CONTEXT = 4096  # tokens that this program asks of Ollama and llama.cpp where the spec says nothing


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of each GPU of one replica; None: not known."""

    weights: float | None
    overhead: float
    kv: float | None
    kv_for: str = ""  # what that is for, in words

    @property
    def total(self) -> float | None:
        """At least this; without the KV cache where that is not known."""
        return None if self.weights is None else self.weights + self.overhead + (self.kv or 0)


@dataclass(frozen=True, slots=True)
class Serves:
    """What one replica can do at once; `why` is given where `requests` is None."""

    requests: int | None
    request_tokens: int
    kv_tokens: int | None = None  # that its KV cache holds
    origin: str | None = None  # of the model's size
    why: str | None = None
    most: int | None = None  # that the engine takes at once, however much room there is


def request_tokens(model: Model, size: ModelSize, assumed: Capacity) -> int:
    """Tokens of one request, as assumed."""
    return min(n for n in (assumed.request_tokens, model.context, size.context) if n)


def parallel(heads: int, model: Model) -> int:
    """Slots of Ollama and llama.cpp: a quarter of the room asks at once."""
    return min(MOST_PARALLEL, max(LEAST_PARALLEL, -(-heads // (4 * model.replicas))))


def utilisation(model: Model) -> float:
    """The fraction of a whole GPU that the engine takes by default, or by the model's arguments."""
    if model.engine is not Engine.VLLM:
        return 1.0
    given = model.args.get("gpu_memory_utilization", model.args.get("gpu-memory-utilization"))
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else VLLM_SHARE


def overhead(model: Model, gpus: int) -> float:
    """Bytes; none for engines of which no measurement is known."""
    if model.engine is not Engine.VLLM:
        return 0.0
    return (OVERHEAD_GIB if gpus == 1 else OVERHEAD_SHARED_GIB) * GIB


def need(model: Model, size: ModelSize, gpus: int, assumed: Capacity, heads: int) -> Need:
    """The least that each of `gpus` GPUs must have for one replica; `heads` are the people of the class."""
    weights = None if size.weights is None else size.weights / gpus
    kv, kv_for = _least_kv(model, size, gpus, assumed, heads)
    return Need(weights, overhead(model, gpus), kv, kv_for)


def _least_kv(model: Model, size: ModelSize, gpus: int, assumed: Capacity, heads: int) -> tuple[float | None, str]:
    width = kv_width(model)
    if model.engine is Engine.VLLM:
        full, tokens = model.context or size.context, request_tokens(model, size, assumed)
        one = size.kv(tokens, gpus, width)
        whole = size.kv(full, gpus, width) if full else None  # it won't start without room for one of full length
        if one is not None and whole is not None and whole > LEAST_REQUESTS * one:
            return whole, f"one request of {full} tokens"
        return None if one is None else LEAST_REQUESTS * one, f"{LEAST_REQUESTS} requests of {tokens} tokens"
    if model.engine is Engine.TGI:
        return None, ""
    slots, each = parallel(heads, model), model.context or CONTEXT
    slot = size.kv(each, gpus, width)
    return None if slot is None else slots * slot, f"{slots} slots of {each} tokens"


def split_problem(model: Model, size: ModelSize, gpus: int) -> str | None:
    """Why the engine can't split the model over so many GPUs."""
    if model.engine not in {Engine.VLLM, Engine.TGI} or size.attention is None or gpus < 2:  # noqa: PLR2004 - nothing to split
        return None
    return size.attention.split_problem(gpus)


def serves(
    model: Model,
    size: ModelSize | None,
    budget: float | None,
    gpus: int,
    assumed: Capacity,
    heads: int,
) -> Serves:
    """Requests at once of one replica that may take `budget` bytes of each of its GPUs."""
    size = size or UNKNOWN
    tokens = request_tokens(model, size, assumed)
    if model.engine in {Engine.OLLAMA, Engine.LLAMACPP}:
        slots, each = parallel(heads, model), model.context or CONTEXT
        return Serves(slots, each, slots * each, "its slots", most=slots)
    why = _not_reckoned(model, size, budget)
    one = size.kv(tokens, gpus, kv_width(model))
    most = _most(model)
    if why or one is None or budget is None or size.weights is None:
        return Serves(None, tokens, None, size.origin, why or "its KV cache's kind is not known", most)
    free = budget - size.weights / gpus - overhead(model, gpus)
    requests = max(0, math.floor(free / one + 1e-9))
    kv_tokens = max(0, math.floor(free / one * tokens))
    return Serves(min(requests, most or requests), tokens, kv_tokens, size.origin, most=most)


def _most(model: Model) -> int | None:
    if model.engine is not Engine.VLLM:
        return None
    given = model.args.get("max_num_seqs", model.args.get("max-num-seqs"))
    return given if isinstance(given, int) and not isinstance(given, bool) else MOST_REQUESTS


def _not_reckoned(model: Model, size: ModelSize, budget: float | None) -> str | None:
    if model.engine is Engine.TGI:
        return "how TGI shares out a GPU is not known here"
    if size.lacks:
        return size.lacks
    if size.weights is None:
        return "the size of its weights is not known"
    return "the memory of its GPUs is not known" if budget is None else None


def in_words(needed: Need) -> str:
    """The parts of a sum, for a message."""
    parts = [] if needed.weights is None else [f"{gib(needed.weights)} of weights"]
    parts += [f"{gib(needed.overhead)} for the engine"] if needed.overhead else []
    parts += [f"{gib(needed.kv)} of KV cache for {needed.kv_for}"] if needed.kv else []
    return ", ".join(parts)
