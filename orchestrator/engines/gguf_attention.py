"""What a GGUF file's header says of its KV cache, as llama.cpp keeps it. Pure.

The keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and gguf-py/gguf/constants.py of llama.cpp. What
they come to: src/llama-hparams.cpp (set_swa_pattern), src/llama-kv-cache.cpp (of latent vectors no values besides).
"""

from __future__ import annotations

import math

from orchestrator.engines.attention import MOST_LAYERS, Attention
from orchestrator.engines.gguf_header import Header

EVERY = {"gemma2": 2, "gpt-oss": 2, "gemma3": 6, "cohere2": 4}  # one in so many layers keeps all tokens
OTHER_STATE = (
    "ssm.",
    "wkv.",
    "shortconv.",
    "full_attention_interval",
    "attention.shared_kv_layers",
    "attention.key_length_swa",
)
PATTERN = "attention.sliding_window_pattern"
MOST = 1 << 24  # of any number: beyond, it is none


def gguf_attention(header: Header) -> Attention | str:
    """Of a header; where it is not understood, why, in words."""
    odd = [name for name in header if name.startswith(OTHER_STATE)]
    if odd:
        return f"not all of its layers keep tokens alike ({odd[0]})"[:200]
    if header.get("attention.causal") is False:
        return "it keeps no tokens"
    try:
        return _read(header)
    except (KeyError, ValueError) as problem:
        return f"its GGUF header lacks {problem.args[0]}" if isinstance(problem, KeyError) else str(problem)


def _read(header: Header) -> Attention:
    layers = _whole(header, "block_count")
    if layers > MOST_LAYERS:
        raise ValueError(f"its GGUF header says block_count: {layers}")
    heads = _each(header, "attention.head_count", layers)
    kv_heads = _each(header, "attention.head_count_kv", layers) if "attention.head_count_kv" in header else heads
    context = _whole(header, "context_length") if "context_length" in header else None
    if "attention.key_length_mla" in header:
        return Attention(max(heads), 1, _whole(header, "attention.key_length"), layers, latent=True, context=context)
    numbers = _head_size(header, "attention.key_length", heads) + _head_size(header, "attention.value_length", heads)
    window, slides = _sliding(header, layers)
    shared = math.gcd(*kv_heads)  # layers with more heads count as several
    if not shared:
        raise ValueError("none of its layers keeps tokens")
    near = sum(count for count, slide in zip(kv_heads, slides, strict=True) if slide) // shared
    far = sum(kv_heads) // shared - near
    return Attention(max(heads), shared, numbers, far, near, window if near else None, context=context)


def _sliding(header: Header, layers: int) -> tuple[int | None, list[bool]]:
    """The window, and which layers have it; where llama.cpp is not known to keep one, none has."""
    pattern, architecture = header.get(PATTERN), str(header.get("architecture"))
    if not header.get("attention.sliding_window"):
        return None, [False] * layers
    window = _whole(header, "attention.sliding_window")
    if isinstance(pattern, list) and len(pattern) >= layers:
        return window, [bool(slides) for slides in pattern[:layers]]
    every = _whole(header, PATTERN) if isinstance(pattern, int) else EVERY.get(architecture, 1)
    return window, [layer % every < every - 1 for layer in range(layers)]


def _head_size(header: Header, name: str, heads: list[int]) -> int:
    return _whole(header, name) if name in header else _whole(header, "embedding_length") // max(heads)


def _each(header: Header, name: str, layers: int) -> list[int]:
    """One number for all layers, or one each; a layer may have none."""
    value = header.get(name)
    if not isinstance(value, list):
        return [_whole(header, name)] * layers
    if len(value) < layers or not all(isinstance(n, int) and 0 <= n < MOST for n in value) or not any(value[:layers]):
        raise ValueError(f"its GGUF header says {name}: {value!r}"[:200])
    return [int(n) for n in value[:layers]]


def _whole(header: Header, name: str) -> int:
    value = header[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < MOST:
        raise ValueError(f"its GGUF header says {name}: {value!r}"[:200])
    return value
