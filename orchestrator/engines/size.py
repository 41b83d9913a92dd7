"""How big a model is: its weights, and what its KV cache takes. What is not known stays None. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from orchestrator.engines.attention import AHEAD, Attention, attention
from orchestrator.engines.gguf_attention import gguf_attention
from orchestrator.engines.loaded_files import weights_of
from orchestrator.spec.capacity import Size
from orchestrator.spec.models import Model

GIB = 1 << 30
MIB = 1 << 20
KIB = 1 << 10
SPEC = "workshop.yaml"
TABLE = "the table of common models"


@dataclass(frozen=True, slots=True)
class ModelSize:
    """`origin` says where it is from; `lacks` why the KV cache cannot be reckoned, where it cannot."""

    weights: int | None = None  # bytes
    attention: Attention | None = None
    kv_bytes: float | None = None  # of one token in all, where the spec says so
    context: int | None = None  # tokens that it is served with where the spec says nothing
    origin: str | None = None
    lacks: str | None = "its size is not known"
    quantised: bool = False  # its files are

    def kv(self, tokens: int, gpus: int, width: float | None, ahead: int = AHEAD) -> float | None:
        """Bytes on each GPU that one request of so many tokens takes; `ahead` as in `Attention.kv_bytes`."""
        if self.kv_bytes is not None:
            return self.kv_bytes * tokens / gpus
        if self.attention is None or width is None:
            return None
        return self.attention.kv_bytes(tokens, gpus, width, ahead)


UNKNOWN = ModelSize()


def from_config(config: Mapping[str, Any], weights: int | None, origin: str) -> ModelSize:
    """Of a config.json and the bytes of the weights beside it."""
    found = attention(config)
    if isinstance(found, str):
        return ModelSize(weights, origin=origin, lacks=found)
    scheme = config.get("quantization_config") or {}
    size = ModelSize(weights, found, None, found.context, origin, None, quantised=bool(scheme))
    if isinstance(scheme, Mapping) and (scheme.get("kv_cache_scheme") or scheme.get("kv_cache_quant_algo")):
        return replace(size, attention=None, lacks="its KV cache is quantised in a way of its own")
    return size


def from_gguf(header: Mapping[str, Any], weights: int | None, origin: str) -> ModelSize:
    """Of what a GGUF file's header says (`gguf_header`) and the bytes of all its parts."""
    found = gguf_attention(header)
    if isinstance(found, str):
        return ModelSize(weights, origin=origin, lacks=found)
    return ModelSize(weights, found, None, found.context, origin, None)


def weight_bytes(sizes: Mapping[str, int]) -> int | None:
    """What of a repository's files is loaded; None: none of them."""
    chosen = weights_of(sizes)
    return sum(sizes[name] for name in chosen) if chosen else None


def stated(size: Size | None, other: ModelSize) -> ModelSize:
    """What the spec says goes before what was found."""
    if size is None:
        return other
    weights = round(size.weights_gib * GIB) if size.weights_gib else other.weights
    if size.kv_kib_per_token is None:
        return replace(other, weights=weights, origin=SPEC)
    return replace(other, weights=weights, kv_bytes=size.kv_kib_per_token * KIB, origin=SPEC, lacks=None)


@cache
def common_models() -> Mapping[str, ModelSize]:
    """The committed table, by repository."""
    text = (files("orchestrator.engines") / "common_models.json").read_text(encoding="utf-8")
    return {
        entry["repository"]: from_config(entry["config"], entry["weights_bytes"], TABLE)
        for entry in json.loads(text)["models"]
    }


def known_sizes(models: Iterable[Model], found: Mapping[str, ModelSize] | None = None) -> dict[str, ModelSize]:
    """By model's name: what the spec states, else what was `found`, else the table."""
    table = common_models()
    return {
        model.name: stated(model.size, (found or {}).get(model.name) or table.get(model.source) or UNKNOWN)
        for model in models
        if not model.is_external
    }


def gib(value: float) -> str:
    """Bytes as GiB for people: never 0 for something."""
    return f"{max(0.1, math.floor(value / GIB * 10 + 0.5) / 10):g} GiB"
