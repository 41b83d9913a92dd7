"""What a config.json leaves out: published ones are as short as Gemma 3's, which gives no number of heads. Pure.

The class attributes of each type's configuration in transformers 5, as vLLM 0.32 installs it
(transformers/models/TYPE/configuration_TYPE.py); a test reads them from there again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

FIELDS = ("max_position_embeddings", "num_attention_heads", "num_key_value_heads", "head_dim", "sliding_window")
DEFAULTS: Mapping[str, tuple[int | None, ...]] = {  # in the order of FIELDS
    "llama": (2048, 32, None, None, None),
    "mistral": (131072, 32, 8, None, 4096),
    "mixtral": (131072, 32, 8, None, None),
    "ministral": (131072, 32, 8, None, 4096),
    "ministral3": (262144, 32, 8, 128, None),
    "qwen2": (32768, 32, 32, None, 4096),
    "qwen2_moe": (32768, 16, 16, None, 4096),
    "qwen3": (32768, 32, 32, 128, 4096),
    "qwen3_moe": (32768, 32, 4, None, 4096),
    "phi3": (4096, 32, None, None, None),
    "gemma": (8192, 16, 16, 256, None),
    "gemma2": (8192, 8, 4, 256, 4096),
    "gemma3_text": (131072, 8, 4, 256, 4096),
    "gpt_oss": (131072, 64, 8, 64, 128),
    "granite": (2048, 32, None, None, None),
    "granitemoe": (2048, 32, None, None, None),
    "olmo2": (2048, 32, None, None, None),
    "smollm3": (32768, 16, 4, None, None),
    "starcoder2": (4096, 24, 2, None, None),
    "stablelm": (4096, 32, 32, None, None),
    "cohere": (8192, 64, None, None, None),
    "cohere2": (8192, 64, None, None, 4096),
    "deepseek_v2": (2048, 32, None, None, None),
    "deepseek_v3": (4096, 128, 128, None, None),
    "kimi_k2": (4096, 128, 128, None, None),  # vLLM reads it as deepseek_v3
}


def said(text: Json, name: str) -> Any:
    """What it says, null included; where it says nothing, what its type's default is."""
    if name in text or name not in FIELDS:
        return text.get(name)
    kind = text.get("model_type")
    defaults = DEFAULTS.get(kind) if isinstance(kind, str) else None
    return defaults[FIELDS.index(name)] if defaults else None


def whole(text: Json, name: str) -> int:
    """The same where it must be a number from 1. Raises KeyError where there is none, ValueError for another."""
    value = said(text, name)
    if value is None:
        raise KeyError(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"its config.json says {name}: {value!r}"[:200])
    return value
