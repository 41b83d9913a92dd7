"""What a model's config.json says of its KV cache: numbers for each token, and how GPUs share them. Pure.

The sums are those of vLLM 0.32: ModelConfig.get_num_kv_heads (vllm/config/model.py), get_head_size
(vllm/transformers_utils/model_arch_config_convertor.py), page sizes (vllm/v1/kv_cache_interface.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BATCH = 2048  # tokens that vLLM reads ahead of a sliding window: its max_num_batched_tokens for servers

PLAIN = frozenset({  # every layer attends with num_key_value_heads heads of head_dim numbers
    *("llama", "mistral", "mixtral", "ministral3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "phi3", "gemma"),
    *("gemma2", "gemma3_text", "gpt_oss", "granite", "granitemoe", "olmo2", "smollm3", "starcoder2", "stablelm"),
    *("internlm2", "cohere", "cohere2"),
})  # fmt: skip
LATENT = frozenset({"deepseek_v2", "deepseek_v3", "kimi_k2"})  # multi-head latent attention
ALL_SLIDE = frozenset({"mistral", "mixtral", "phi3", "starcoder2"})  # a sliding_window is that of every layer
OTHER_STATE = ("mamba", "ssm", "linear_", "conv_", "rwkv", "attn_layer", "hybrid", "compress_", "index_", "global_head")
LAYER_KINDS = {"full_attention", "sliding_attention"}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attention:
    """The layers of a model that keep something of every token."""

    heads: int  # query heads; tensor parallelism must divide them
    kv_heads: int
    numbers: int  # that one KV head of one layer keeps of a token: its key and its value, or one latent vector
    layers: int  # that keep all tokens
    sliding: int = 0  # layers that keep the last `window` tokens only
    window: int | None = None
    latent: bool = False  # one vector for all heads: each GPU keeps all of it
    context: int | None = None  # tokens that the model was made for

    def kv_bytes(self, tokens: int, gpus: int, width: float) -> float:
        """What one request of so many tokens takes on each GPU; `width` is bytes per number."""
        heads = 1 if self.latent else max(1, self.kv_heads // gpus)
        near = min(tokens, self.window + BATCH) if self.window else 0
        return heads * self.numbers * width * (self.layers * tokens + self.sliding * near)

    def split_problem(self, gpus: int) -> str | None:
        """Why so many GPUs can't share it."""
        if self.heads % gpus:
            return f"its {self.heads} attention heads can't be split over {gpus} GPUs"
        if not self.latent and self.kv_heads % gpus and gpus % self.kv_heads:
            return f"its {self.kv_heads} KV heads can't be split over {gpus} GPUs"
        return None


def attention(config: Json) -> Attention | str:
    """Of a config.json; where it is not understood, why, in words."""
    text = config.get("text_config") or config.get("llm_config") or config
    if not isinstance(text, Mapping):
        return "its config.json has no text model"
    why = _not_understood(text)
    if why:
        return why
    try:
        return _read(text)
    except (KeyError, TypeError, ValueError) as problem:
        return f"its config.json lacks {problem.args[0]}" if isinstance(problem, KeyError) else str(problem)


def _not_understood(text: Json) -> str | None:
    kind = text.get("model_type")
    if kind not in PLAIN | LATENT:
        return f"how models of the type {kind} keep tokens is not known here"
    odd = [name for name, value in text.items() if value and name.startswith(OTHER_STATE)]
    if odd:
        return f"not all of its layers keep tokens alike ({odd[0]})"
    if text.get("num_kv_shared_layers") or text.get("is_encoder_decoder") or text.get("attention_chunk_size"):
        return "not all of its layers keep tokens alike"
    return None


def _read(text: Json) -> Attention:
    layers, heads = _whole(text, "num_hidden_layers"), _whole(text, "num_attention_heads")
    context = text.get("max_position_embeddings")
    context = context if isinstance(context, int) else None
    if text["model_type"] in LATENT:
        numbers = _whole(text, "kv_lora_rank") + _whole(text, "qk_rope_head_dim")
        return Attention(heads, 1, numbers, layers, latent=True, context=context)
    kv_heads = _whole(text, "num_key_value_heads") if text.get("num_key_value_heads") is not None else heads
    if text.get("head_dim"):
        size = _whole(text, "head_dim")
    else:
        hidden = _whole(text, "hidden_size")
        if hidden % heads:
            raise ValueError("its config.json gives no size of its heads")
        size = hidden // heads
    sliding, window = _sliding(text, layers, context)
    return Attention(heads, kv_heads, 2 * size, layers - sliding, sliding, window, context=context)


def _sliding(text: Json, layers: int, context: int | None) -> tuple[int, int | None]:
    """How many layers slide, and their window."""
    window = text.get("sliding_window")
    if not window or text.get("use_sliding_window") is False or (context and window >= context):
        return 0, None
    kinds = text.get("layer_types")
    if kinds is not None:
        if len(kinds) != layers or not set(kinds) <= LAYER_KINDS:
            raise ValueError("not all of its layers keep tokens alike (layer_types)")
        sliding = list(kinds).count("sliding_attention")
        return sliding, int(window) if sliding else None
    if text["model_type"] in ALL_SLIDE:
        return layers, int(window)
    raise ValueError("its config.json does not say which of its layers have a sliding window")


def _whole(text: Json, name: str) -> int:
    value = text[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"its config.json says {name}: {value!r}"[:200])
    return value
