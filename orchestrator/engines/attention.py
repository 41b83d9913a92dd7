"""What a model's config.json says of its KV cache: numbers for each token, and how GPUs share them. Pure.

The sums are those of vLLM 0.32: ModelConfig.get_num_kv_heads (vllm/config/model.py), get_head_size
(vllm/transformers_utils/model_arch_config_convertor.py), page sizes (vllm/v1/kv_cache_interface.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.engines.config_defaults import DEFAULTS, Json, said, whole
from orchestrator.engines.context_length import context_length
from orchestrator.engines.sliding import sliding_layers

AHEAD = 4096  # tokens that are read ahead of a sliding window and kept too: two batches of vLLM's default on small GPUs
BLOCK = 16  # tokens that are kept together
MOST_LAYERS = 1024  # a file from elsewhere may say anything

LATENT = frozenset({"deepseek_v2", "deepseek_v3", "kimi_k2"})  # multi-head latent attention
PLAIN = frozenset({*DEFAULTS, "internlm2"}) - LATENT  # every layer has num_key_value_heads heads of head_dim numbers
OTHER_STATE = ("mamba", "ssm", "linear_", "conv_", "rwkv", "attn_layer", "hybrid", "compress_", "index_", "global_head")


@dataclass(frozen=True, slots=True)
class Attention:
    """The layers of a model that keep something of every token."""

    heads: int  # query heads; tensor parallelism must divide them
    kv_heads: int
    numbers: int  # that one KV head of one layer keeps of a token: its key and its value, or one latent vector
    layers: int  # that keep all tokens; with those that fill up vLLM's groups
    sliding: int = 0  # layers that keep the last `window` tokens only; likewise
    window: int | None = None
    latent: bool = False  # one vector for all heads: each GPU keeps all of it
    context: int | None = None  # tokens that the model was made for

    def kv_bytes(self, tokens: int, gpus: int, width: float, ahead: int = AHEAD) -> float:
        """What one request of so many tokens takes on each GPU; `width` is bytes per number.

        `ahead`: tokens that the engine reads before it lets go of those that left a window. A window begins within a
        block, so that it takes one more (SlidingWindowSpec in vllm/v1/kv_cache_interface.py).
        """
        heads = 1 if self.latent else max(1, self.kv_heads // gpus)
        near = min(tokens, self.window - 1 + ahead) if self.window else 0
        blocks = -(-near // BLOCK) + 1
        return heads * self.numbers * width * (self.layers * tokens + self.sliding * blocks * BLOCK)

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
    except (LookupError, ArithmeticError, TypeError, ValueError) as problem:
        return f"its config.json lacks {problem.args[0]}" if isinstance(problem, KeyError) else str(problem)


def _not_understood(text: Json) -> str | None:
    kind = text.get("model_type")
    if not isinstance(kind, str) or kind not in PLAIN | LATENT:
        return f"how models of the type {kind} keep tokens is not known here"
    odd = [name for name, value in text.items() if value and name.startswith(OTHER_STATE)]
    if odd:
        return f"not all of its layers keep tokens alike ({odd[0]})"
    if text.get("num_kv_shared_layers") or text.get("is_encoder_decoder") or text.get("attention_chunk_size"):
        return "not all of its layers keep tokens alike"
    return None


def _read(text: Json) -> Attention:
    layers, heads, context = whole(text, "num_hidden_layers"), whole(text, "num_attention_heads"), context_length(text)
    if layers > MOST_LAYERS:
        raise ValueError(f"its config.json says num_hidden_layers: {layers}"[:200])
    if text["model_type"] in LATENT:
        numbers = whole(text, "kv_lora_rank") + whole(text, "qk_rope_head_dim")
        return Attention(heads, 1, numbers, layers, latent=True, context=context)
    kv_heads = whole(text, "num_key_value_heads") if said(text, "num_key_value_heads") is not None else heads
    if said(text, "head_dim"):
        size = whole(text, "head_dim")
    else:
        hidden = whole(text, "hidden_size")
        if hidden % heads:
            raise ValueError("its config.json gives no size of its heads")
        size = hidden // heads
    sliding, window = sliding_layers(text, layers)
    full, sliding = _grouped(layers - sliding, sliding)
    return Attention(heads, kv_heads, 2 * size, full, sliding, window, context=context)


def _grouped(full: int, sliding: int) -> tuple[int, int]:
    """Groups of equally many layers, all of one kind: vLLM fills up the last with layers that are not there.

    `_get_kv_cache_groups_uniform_page_size` in vllm/v1/core/kv_cache_utils.py.
    """
    if not full or not sliding:
        return full, sliding
    fewer, more = sorted((full, sliding))
    size = more if more < 1.5 * fewer else fewer
    return -(-full // size) * size, -(-sliding // size) * size
