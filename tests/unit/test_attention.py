"""What config.json says of a model's context and KV cache, against what vLLM itself made of it; and what it can't say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engines.attention import Attention, attention
from orchestrator.engines.context_length import context_length
from orchestrator.engines.size import from_config
from tests.attention_configs import CONFIGS, LLAMA, REPORTED

MIXED = "Qwen2 with a window in some layers"
NAMES = (
    *("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size", "sliding_window"),
    *("use_sliding_window", "max_window_layers", "layer_types", "sliding_window_pattern", "no_rope_layers"),
    *("no_rope_layer_interval", "max_position_embeddings", "model_max_length", "rope_scaling", "rope_parameters"),
    *("original_max_position_embeddings", "kv_lora_rank", "qk_rope_head_dim", "model_type"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["factor", "type", "x"]), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("name", [name for name, figures in REPORTED.items() if figures])
def test_it_is_what_vllm_printed(name: str) -> None:
    found = attention(CONFIGS[name])
    assert isinstance(found, Attention), found
    assert found.context
    size = found.numbers if found.latent else found.numbers // 2
    takes = (found.kv_bytes(4096, 1, 2.0), found.kv_bytes(found.context, 1, 2.0))
    assert (found.context, found.kv_heads, size, *takes) == REPORTED[name]


def test_all_that_was_asked_of_vllm_is_compared() -> None:
    assert CONFIGS.keys() == REPORTED.keys()
    assert [name for name, figures in REPORTED.items() if figures is None] == [MIXED]


def test_what_vllm_refuses_is_told() -> None:
    why = attention(CONFIGS[MIXED])
    assert why == "vLLM does not serve it: some of its layers have a sliding window, others none"


@pytest.mark.parametrize("name", ["google/gemma-3-4b-it, its text", "google/gemma-3-27b-it, its text"])
def test_the_text_part_of_a_model_with_pictures_counts(name: str) -> None:
    whole = {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": CONFIGS[name]}
    assert attention(whole) == attention(CONFIGS[name])
    assert from_config(whole, 1, "here").context == 131072


@pytest.mark.parametrize(
    ("fields", "context"),
    [
        ({}, 8192),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, 32768),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 1.5}}, 12288),
        ({"rope_scaling": {"rope_type": "linear", "factor": None}}, 8192),
        ({"rope_scaling": {"rope_type": "linear", "factor": float("nan")}}, 8192),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, 8192),
        ({"rope_scaling": {"rope_type": "deepseek_yarn", "factor": 4.0}}, 8192),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [1, 2]}}, 8192),
        ({"rope_scaling": None, "rope_parameters": {"rope_type": "linear", "factor": 2.0}}, 16384),
        (
            {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0}, "sliding_attention": None}},
            16384,
        ),
        ({"max_position_embeddings": None, "seq_length": 4096}, 4096),
        ({"max_position_embeddings": None}, 2048),
        ({"original_max_position_embeddings": 4096, "rope_scaling": {"type": "longrope"}}, 4096),
    ],
    ids=str,
)
def test_positions_that_are_stretched_are_counted_once(fields: dict[str, Any], context: int) -> None:
    assert context_length(LLAMA | fields) == context


@given(st.sampled_from(sorted(CONFIGS)), st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4))
def test_a_config_with_anything_in_it_is_read_or_refused(name: str, fields: dict[str, Any]) -> None:
    found = attention(CONFIGS[name] | fields)
    if isinstance(found, Attention):
        assert found.kv_bytes(4096, 2, 2.0) > 0
    else:
        assert len(found) < 300
