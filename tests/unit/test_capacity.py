"""How many requests a GPU serves at once: the sums against what vLLM measured, and no figure where one is not known."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from orchestrator.engines.attention import Attention, attention
from orchestrator.engines.capacity import Allotment, Serves
from orchestrator.engines.kinds import vllm
from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import (
    GIB,
    UNKNOWN,
    ModelSize,
    common_models,
    from_config,
    known_sizes,
    stated,
    weight_bytes,
)
from orchestrator.practice.weights import HEADS, LAYERS, WIDTH
from orchestrator.spec.capacity import Capacity, Size
from orchestrator.spec.models import Model

LLAMA = common_models()["meta-llama/Llama-3.1-8B-Instruct"]
ASSUMED = Capacity()
TABLE: list[dict[str, Any]] = json.loads((files("orchestrator.engines") / "common_models.json").read_text("utf-8"))[
    "models"
]


def model(**fields: object) -> Model:
    return Model.model_validate({"name": "m", "engine": "vllm", "source": "o/r"} | fields)


def serves(model: Model, size: ModelSize, budget: float | None, gpus: int, heads: int = 0) -> Serves:
    return engine_of(model).serves(model, size, Allotment(budget, gpus, ASSUMED, heads))


def kv_width(model: Model) -> float | None:
    return engine_of(model).kv_width(model)


def config(**fields: object) -> dict[str, object]:
    plain = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    return plain | {"num_key_value_heads": 2, "max_position_embeddings": 8192} | fields


def understood(**fields: object) -> Attention:
    found = attention(config(**fields))
    assert isinstance(found, Attention), found
    return found


# against what vLLM printed


def test_the_kv_cache_holds_as_many_tokens_as_vllm_said() -> None:
    """Llama 3 8B: 11.12 GiB were 5691 blocks of 16 tokens (https://github.com/vllm-project/vllm/issues/12330)."""
    one = LLAMA.kv(1, 1, 2.0)
    assert one == 131_072
    assert 11.12 * GIB / one == pytest.approx(5691 * 16, rel=0.001)


@pytest.mark.parametrize(("gpus", "measured"), [(1, 53.29), (2, 71.29 - 7.48 - 3.58 - 1.26)])
def test_the_room_for_tokens_is_a_little_less_than_what_vllm_measured(gpus: int, measured: float) -> None:
    """79.22 GiB at 0.90, one GPU and two (https://github.com/vllm-project/vllm/pull/10511)."""
    serving = serves(model(), LLAMA, 79.22 * 0.90 * GIB, gpus)
    one = LLAMA.kv(1, gpus, 2.0)
    assert serving.kv_tokens is not None
    assert one is not None
    assert 0.95 < serving.kv_tokens * one / (measured * GIB) <= 1


# the table


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry["repository"])
def test_the_weights_of_the_table_are_the_sum_over_the_shapes_of_its_config(entry: dict[str, Any]) -> None:
    c = entry["config"]
    hidden, heads, kv, size = (c[k] for k in ("hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim"))
    biases = (heads + 2 * kv) * size if c["model_type"] == "qwen2" else 0
    norms = 2 * size if c["model_type"] == "qwen3" else 0
    layer = 2 * hidden * heads * size + 2 * hidden * kv * size + biases + norms
    layer += 3 * hidden * c["intermediate_size"] + 2 * hidden
    embeddings = c["vocab_size"] * hidden * (1 if c["tie_word_embeddings"] else 2)
    assert entry["weights_bytes"] == 2 * (c["num_hidden_layers"] * layer + hidden + embeddings)
    assert entry["sources"]
    assert all(source.startswith("https://") for source in entry["sources"])


def test_every_model_of_the_table_can_be_reckoned() -> None:
    assert len(common_models()) == len(TABLE) > 12
    assert all(size.lacks is None and size.kv(1, 1, 2.0) for size in common_models().values())


# config.json


@pytest.mark.parametrize(
    ("fields", "one", "thousands"),
    [
        ({}, 2 * 2 * 2 * 16 * 2, 10_000 * 256),
        ({"head_dim": 32}, 2 * 2 * 2 * 32 * 2, 10_000 * 512),
        ({"num_key_value_heads": None}, 2 * 4 * 2 * 16 * 2, 10_000 * 512),
        ({"model_type": "mistral", "sliding_window": 1000}, 32 * 256, 5120 * 256),  # in blocks of 16, and one more
        ({"sliding_window": 10_000}, 32 * 256, 10_016 * 256),
        ({"model_type": "qwen2", "sliding_window": 1000, "use_sliding_window": False}, 256, 10_000 * 256),
        (
            {"model_type": "gpt_oss", "head_dim": 16, "sliding_window": 1000},
            (1 + 32) * 128,
            10_000 * 128 + 5120 * 128,
        ),
        ({"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_rope_head_dim": 64}, 2 * 576 * 2, 10_000 * 2304),
    ],
)
def test_bytes_of_a_request_follow_from_the_config(fields: dict[str, object], one: int, thousands: int) -> None:
    found = understood(**fields)
    assert found.kv_bytes(1, 1, 2.0) == one
    assert found.kv_bytes(10_000, 1, 2.0) == thousands


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "jamba"},
        {"model_type": None},
        {"mamba_d_state": 16},
        {"linear_num_key_heads": 16},
        {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 1000, "max_window_layers": 1},
        {"num_hidden_layers": 10**9},
        {"model_type": "gpt_oss", "sliding_window": 9, "layer_types": ["full_attention", "linear_attention"]},
        {"model_type": "deepseek_v3", "kv_lora_rank": 512},
        {"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "index_topk": 2048},
        {"num_hidden_layers": "two"},
        {"hidden_size": 63},
        {"num_kv_shared_layers": 1},
    ],
    ids=str,
)
def test_what_is_not_understood_is_not_guessed(fields: dict[str, object]) -> None:
    why = attention(config(**fields))
    assert isinstance(why, str)
    size = from_config(config(**fields), GIB, "here")
    assert size.kv(1, 1, 2.0) is None
    serving = serves(model(), size, 80.0 * GIB, 1)
    assert (serving.requests, serving.why) == (None, why)


def test_the_text_part_of_a_model_with_pictures_counts() -> None:
    assert attention({"model_type": "mllama_like", "text_config": config()}) == understood()


def test_a_cache_that_is_quantised_by_the_checkpoint_is_not_guessed() -> None:
    size = from_config(config(quantization_config={"kv_cache_scheme": {"num_bits": 8}}), GIB, "here")
    assert size.lacks == "its KV cache is quantised in a way of its own"
    assert size.quantised
    assert not LLAMA.quantised


# several GPUs


@pytest.mark.parametrize(
    ("heads", "kv_heads", "gpus", "problem"),
    [
        (32, 8, 2, None),
        (32, 8, 16, None),
        (32, 8, 3, "its 32 attention heads can't be split over 3 GPUs"),
        (28, 4, 8, "its 28 attention heads can't be split over 8 GPUs"),
        (40, 10, 4, "its 10 KV heads can't be split over 4 GPUs"),
    ],
)
def test_several_gpus_must_divide_the_heads(heads: int, kv_heads: int, gpus: int, problem: str | None) -> None:
    assert Attention(heads, kv_heads, 128, 2).split_problem(gpus) == problem


def test_gpus_share_the_kv_heads_until_each_has_one() -> None:
    found = Attention(32, 4, 256, 10)
    assert [found.kv_bytes(1, gpus, 2.0) / 5120 for gpus in (1, 2, 4, 8)] == [4, 2, 1, 1]
    latent = Attention(128, 1, 576, 61, latent=True)
    assert latent.kv_bytes(1, 8, 2.0) == latent.kv_bytes(1, 1, 2.0)


# requests


def test_requests_are_what_is_free_over_what_one_takes() -> None:
    budget = 24 * 0.92 * GIB
    serving = serves(model(context=8192), LLAMA, budget, 1)
    free = budget - LLAMA.weights - 3.5 * GIB if LLAMA.weights else 0
    assert serving.requests == int(free // (4096 * 131_072)) == 7
    assert serving.request_tokens == 4096
    assert serves(model(context=2048), LLAMA, budget, 1).requests == 14
    assert serves(model(args={"kv_cache_dtype": "fp8"}), LLAMA, budget, 1).requests == 14
    assert serves(model(args={"max_num_seqs": 3}), LLAMA, budget, 1).requests == 3


@pytest.mark.parametrize(
    ("fields", "size", "budget"),
    [
        ({}, UNKNOWN, 80.0),
        ({}, LLAMA, None),
        ({}, stated(Size(kv_kib_per_token=1), UNKNOWN), 80.0),
        ({}, stated(Size(weights_gib=1), UNKNOWN), 80.0),
        ({"args": {"kv_cache_dtype": "nvfp4"}}, LLAMA, 80.0),
        ({"engine": "tgi"}, LLAMA, 80.0),
    ],
    ids=["no size", "no GPU's memory", "no weights", "no KV", "a dtype of another kind", "TGI"],
)
def test_what_cannot_be_reckoned_has_a_reason(fields: dict[str, Any], size: ModelSize, budget: float | None) -> None:
    serving = serves(model(**fields), size, budget and budget * GIB, 1)
    assert serving.requests is None
    assert serving.kv_tokens is None
    assert serving.why


def test_what_the_spec_states_goes_before_what_was_found() -> None:
    size = stated(Size(weights_gib=2, kv_kib_per_token=64), LLAMA)
    assert (size.weights, size.kv(1, 1, 2.0), size.kv(1, 2, 2.0)) == (2 * GIB, 65536, 32768)
    assert serves(model(), size, 8.0 * GIB, 1).requests == 10
    mine = model(source="meta-llama/Llama-3.1-8B-Instruct", size=Size(weights_gib=5))
    known = known_sizes([mine])["m"]
    assert (known.weights, known.attention, known.origin) == (5 * GIB, LLAMA.attention, "workshop.yaml")


def test_ollama_and_llamacpp_serve_as_many_as_they_have_slots() -> None:
    ollama = model(engine="ollama", source="llama3.2:3b", context=2048)
    serving = serves(ollama, UNKNOWN, None, 1, 33)
    assert (serving.requests, serving.request_tokens) == (9, 2048)  # a quarter of 33


def test_vllm_needs_room_for_one_request_of_full_length() -> None:
    short, full = (
        engine_of(model()).need(model(context=context), LLAMA, 1, ASSUMED, 0).kv for context in (4096, 65536)
    )
    assert (short, full) == (2 * 4096 * 131_072, 65536 * 131_072)


def test_what_left_a_window_is_kept_while_batches_are_under_way() -> None:
    """A GPU of 70 GiB reads 8192 tokens at once, and vLLM two batches."""
    size = from_config(config(model_type="mistral", sliding_window=1000, max_position_embeddings=65536), GIB, "here")
    long, told = Capacity(request_tokens=65536), model(args={"max_num_batched_tokens": 2048})
    for each, gib, kept in ((model(), 60, 999 + 4096), (model(), 80, 999 + 16384), (told, 80, 999 + 4096)):
        budget = gib * 0.92 * GIB
        tokens = engine_of(each).serves(each, size, Allotment(budget, 1, long, 0)).kv_tokens
        assert tokens
        one = (budget - 4.5 * GIB) / (tokens / 65536)  # 1 GiB of weights, 3.5 for the engine
        assert kept < one / 256 < kept + 32
    need = engine_of(model()).need(model(), size, 1, ASSUMED, 0)
    kept = 16384 + 1008 + 16  # it may get a large GPU
    assert (need.kv, need.kv_for) == (kept * 256, "one request of 65536 tokens")


@pytest.mark.parametrize(("asked", "tokens"), [(None, 4096), (32768, 10_000)])
def test_a_context_that_the_spec_states_goes_before_the_models_own(asked: int | None, tokens: int) -> None:
    """Phi-3 with 128k tokens is served with 4096 unless more are asked for."""
    given = Allotment(40.0 * GIB, 1, Capacity(request_tokens=10_000), 0)
    mine = model(context=asked)
    assert engine_of(mine).serves(mine, replace(LLAMA, context=4096), given).request_tokens == tokens


def test_the_width_of_a_cached_number_follows_the_arguments() -> None:
    assert kv_width(model()) == 2
    assert kv_width(model(engine="llamacpp", source="a/b/c.gguf", args={"cache_type_k": "q8_0"})) is None
    both = {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}
    assert kv_width(model(engine="llamacpp", source="a/b/c.gguf", args=both)) == 1.0625


def test_of_a_repository_each_weight_is_counted_once() -> None:
    shards = {"model-00001-of-00002.safetensors": 5, "model-00002-of-00002.safetensors": 4}
    more = {"consolidated.safetensors": 9, "pytorch_model.bin": 9, "original/model.safetensors": 9, "config.json": 1}
    assert weight_bytes(shards | more | {"adapter_model.safetensors": 1}) == 9
    assert weight_bytes({"pytorch_model.bin": 7}) == 7
    assert weight_bytes({"config.json": 1}) is None


def test_the_synthetic_model_takes_what_practice_mode_reckons_with() -> None:
    assert Attention(HEADS, HEADS, 2 * (WIDTH // HEADS), LAYERS).kv_bytes(1, 1, 2.0) == vllm.PRACTICE_TOKEN_BYTES
