"""Which layers of a model keep a window of the last tokens only: of its config.json, as vLLM 0.32 takes it. Pure.

Where it has no `layer_types`, transformers derives them (transformers/models/TYPE/configuration_TYPE.py). Without, or
with all alike, vLLM gives the window to every layer (`create_engine_config` in vllm/engine/arg_utils.py); else each
model's own code decides (vllm/model_executor/models).
"""

from __future__ import annotations

from orchestrator.engines.config_defaults import Json, said, whole

SWITCHED = {"qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "smollm3"}  # no window without use_sliding_window
EVERY = {"gemma2": 2, "gpt_oss": 2, "gemma3_text": 6, "cohere2": 4}  # one in so many layers keeps all tokens
PATTERNED = {"gemma3_text", "cohere2"}  # whose sliding_window_pattern says another number
ALL_OR_NONE = {"qwen2", "qwen3"}  # vLLM refuses a window in some layers
UNREAD = {"qwen2_moe", "qwen3_moe", "mixtral", "gemma", "cohere", "stablelm"}  # layer_types, by vLLM's model
WINDOW_LAYERS = 28  # the default of max_window_layers
SLIDING, FULL = "sliding_attention", "full_attention"


def sliding_layers(text: Json, layers: int) -> tuple[int, int | None]:
    """How many layers slide, and their window in tokens. Raises ValueError where it is not known."""
    kind = text["model_type"]
    if not said(text, "sliding_window") or (kind in SWITCHED and not text.get("use_sliding_window")):
        return 0, None
    window = whole(text, "sliding_window") + (kind == "cohere2")  # vLLM counts the token itself there
    kinds = _layer_types(text, layers)
    if kinds is None:
        return layers, window
    if len(kinds) != layers or not set(kinds) <= {SLIDING, FULL}:
        raise ValueError("not all of its layers keep tokens alike (layer_types)")
    sliding = kinds.count(SLIDING)
    if 0 < sliding < layers:
        if kind in ALL_OR_NONE and text.get("max_window_layers", WINDOW_LAYERS) != layers:
            raise ValueError("vLLM does not serve it: some of its layers have a sliding window, others none")
        sliding = 0 if kind in ALL_OR_NONE | UNREAD else sliding
    return sliding, window if sliding else None


def _layer_types(text: Json, layers: int) -> list[str] | None:
    """As config.json has them, else as its type derives them; None: the type has none."""
    kind, given = text["model_type"], text.get("layer_types")
    if isinstance(given, list):
        return given
    if kind in EVERY:
        every = whole(text, "sliding_window_pattern") if text.get("sliding_window_pattern") else EVERY[kind]
        every = every if kind in PATTERNED else EVERY[kind]
        return [SLIDING if (layer + 1) % every else FULL for layer in range(layers)]
    if kind in ALL_OR_NONE | {"qwen2_moe"}:
        most = text.get("max_window_layers", WINDOW_LAYERS)
        below = kind == "qwen2_moe"  # every second layer below, not all above
        return [SLIDING if (n < most and not n % 2 if below else n >= most) else FULL for n in range(layers)]
    if kind == "smollm3":
        rope = text.get("no_rope_layers") or [(n + 1) % text.get("no_rope_layer_interval", 4) for n in range(layers)]
        return [FULL if rope[n] else SLIDING for n in range(layers)]
    return None
