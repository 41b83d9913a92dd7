"""How many tokens a model is served with where nobody says: derived from its config.json as vLLM 0.32 does. Pure.

`derive_max_model_len_and_key` (vllm/transformers_utils/model_arch_config_convertor.py) chooses the key,
`_get_and_verify_max_len` (vllm/config/model.py) stretches it. Two more files are read by vLLM, for embeddings, and not
here: tokenizer_config.json (where positions are absolute) and sentence_bert_config.json.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from orchestrator.engines.config_defaults import Json, said

KEYS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
)
MORE_KEYS = ("max_sequence_length", "max_seq_length", "seq_len")
UNKNOWN = 2048  # that vLLM assumes where no key is there
AS_SAID = {"longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling"}  # the key has the stretched length
PHI3_TRAINED = 4096  # Phi-3's default of original_max_position_embeddings
OLD_NAMES = {"su": "longrope", "mrope": "default", "telechat3-yarn": "yarn"}


def context_length(text: Json) -> int:
    """Tokens of the longest request, of the part of config.json that describes the text model."""
    lengths = [length for key in (*KEYS, *MORE_KEYS) if (length := _number(said(text, key)))]
    longest = _number(text.get("model_max_length")) or min(lengths, default=UNKNOWN)
    ways = list(_rope(text))
    if "gemma3" not in str(text.get("model_type")):  # which says the stretched length
        factor = 1.0
        for way, said_factor in ways:
            factor = factor if way in AS_SAID else said_factor
        longest *= factor
    if any(way == "longrope" for way, _ in ways):  # longer only when asked for: short requests would suffer
        longest = _trained(text) or longest
    return int(longest)


def _rope(text: Json) -> Iterator[tuple[str, float]]:
    """Each way of stretching positions, and its factor; transformers 5 has one for each type of layer, perhaps."""
    given = text.get("rope_scaling") or text.get("rope_parameters")
    if not isinstance(given, dict) or not given:
        return
    by_layer = all(value is None or isinstance(value, dict) for value in given.values())
    for each in given.values() if by_layer else [given]:
        if each:
            way = str(each.get("rope_type", each.get("type", "default")))
            way = OLD_NAMES.get(way, way)
            if text.get("model_type") == "phi3" and way == "yarn":
                way = "longrope"
            yield way, _number(each.get("factor")) or 1.0


def _trained(text: Json) -> float | None:
    default = PHI3_TRAINED if text.get("model_type") == "phi3" else None
    return _number(text.get("original_max_position_embeddings", default))


def _number(value: object) -> float | None:
    """None for what is no length: a file from elsewhere may have anything there."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1 << 40:
        return None
    return value if math.isfinite(value) else None
