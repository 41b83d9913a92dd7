"""What the first bytes of a GGUF file tell of its KV cache: files as their own library writes them, cut and broken ones."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import gguf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engines.attention import Attention
from orchestrator.engines.gguf_attention import gguf_attention
from orchestrator.engines.gguf_header import gguf_header
from orchestrator.engines.kinds.llamacpp import ENGINE
from orchestrator.engines.size import GIB, from_gguf
from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.vocabulary import CONTEXT
from orchestrator.practice.weights import HEADS, LAYERS, WIDTH
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.models import Model

PLAIN: dict[str, Any] = {"block_count": 4, "embedding_length": 64, "attention.head_count": 4, "context_length": 8192}


def written(folder: Path, architecture: str = "llama", **fields: Any) -> bytes:
    """A file of no tensors; `fields` have two underscores for a dot."""
    path = folder / "m.gguf"
    writer = gguf.GGUFWriter(path, architecture)
    for name, value in (PLAIN | {name.replace("__", "."): value for name, value in fields.items()}).items():
        key = f"{architecture}.{name}"
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
        else:
            writer.add_uint32(key, value)
    writer.add_token_list(["word"] * 2000)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path.read_bytes()


def understood(folder: Path, architecture: str = "llama", **fields: Any) -> Attention:
    header = gguf_header(written(folder, architecture, **fields))
    assert header is not None
    found = gguf_attention(header)
    assert isinstance(found, Attention), found
    return found


def test_the_synthetic_model_is_read_as_it_was_made(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", name="tiny")
    header = gguf_header((tmp_path / "tiny.gguf").read_bytes()[: 1 << 20])
    assert header is not None
    assert gguf_attention(header) == Attention(HEADS, HEADS, 2 * WIDTH // HEADS, LAYERS, context=CONTEXT)


@pytest.mark.parametrize(
    ("architecture", "fields", "found"),
    [
        ("llama", {}, Attention(4, 4, 32, 4, context=8192)),
        ("llama", {"attention__head_count_kv": 2}, Attention(4, 2, 32, 4, context=8192)),
        (
            "qwen3",
            {"attention__head_count_kv": 2, "attention__key_length": 128, "attention__value_length": 64},
            Attention(4, 2, 192, 4, context=8192),
        ),
        ("deci", {"attention__head_count_kv": [2, 0, 4, 2]}, Attention(4, 2, 32, 4, context=8192)),
        ("gemma2", {"attention__sliding_window": 512}, Attention(4, 4, 32, 2, 2, 512, context=8192)),
        ("gemma3", {"attention__sliding_window": 512, "block_count": 7}, Attention(4, 4, 32, 1, 6, 512, context=8192)),
        ("gpt-oss", {"attention__sliding_window": 128}, Attention(4, 4, 32, 2, 2, 128, context=8192)),
        (
            "phi3",
            {"attention__sliding_window": 2047},
            Attention(4, 4, 32, 4, context=8192),
        ),  # which llama.cpp leaves out
        (
            "exaone4",
            {"attention__sliding_window": 512, "attention__sliding_window_pattern": [True, True, True, False]},
            Attention(4, 4, 32, 1, 3, 512, context=8192),
        ),
        (
            "olmo2",
            {"attention__sliding_window": 512, "attention__sliding_window_pattern": 4},
            Attention(4, 4, 32, 1, 3, 512, context=8192),
        ),
        (
            "deepseek2",
            {"attention__head_count_kv": 1, "attention__key_length": 576, "attention__value_length": 512}
            | {"attention__key_length_mla": 192, "attention__value_length_mla": 128},
            Attention(4, 1, 576, 4, latent=True, context=8192),
        ),
    ],
    ids=str,
)
def test_each_architecture_keeps_what_llama_cpp_keeps(
    tmp_path: Path, architecture: str, fields: dict[str, Any], found: Attention
) -> None:
    assert understood(tmp_path, architecture, **fields) == found


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"ssm__state_size": 16}, "not all of its layers keep tokens alike (ssm.state_size)"),
        ({"attention__shared_kv_layers": 10}, "not all of its layers keep tokens alike (attention.shared_kv_layers)"),
        ({"attention__causal": False}, "it keeps no tokens"),
        ({"attention__head_count_kv": [0, 0, 0, 0]}, "its GGUF header says attention.head_count_kv: [0, 0, 0, 0]"),
        ({"attention__head_count_kv": [1, 1]}, "its GGUF header says attention.head_count_kv: [1, 1]"),
        ({"block_count": 1 << 20}, "its GGUF header says block_count: 1048576"),
        ({"attention__head_count": 0}, "its GGUF header says attention.head_count: 0"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_not_guessed(tmp_path: Path, fields: dict[str, Any], why: str) -> None:
    header = gguf_header(written(tmp_path, **fields))
    assert header is not None
    assert gguf_attention(header) == why
    assert from_gguf(header, GIB, "here").lacks == why


def test_a_header_that_lacks_a_number_is_told() -> None:
    assert gguf_attention({"architecture": "llama"}) == "its GGUF header lacks block_count"


def test_the_list_of_words_need_not_be_there(tmp_path: Path) -> None:
    """A real one is larger than what is read, and comes after the model."""
    data = written(tmp_path, attention__head_count_kv=2)
    words = data.index(b"tokenizer.ggml.tokens")
    whole = gguf_header(data)
    assert gguf_header(data[: words + 100]) == whole is not None
    assert gguf_header(data[: words + 4]) is None  # there may be more of the model
    assert gguf_header(data[: words - 60]) is None


@pytest.mark.parametrize(
    "data", [b"", b"GGUF", b"<html>" * 100, b"GGUF" + struct.pack("<IQQ", 1, 0, 0), b"\x08\0\0\0\0\0\0\0{}"]
)
def test_what_is_no_gguf_file_is_not_known(data: bytes) -> None:
    assert gguf_header(data) is None


def test_great_counts_cost_no_more_than_their_bytes() -> None:
    most = (1 << 64) - 1
    pairs = struct.pack("<4sIQQ", b"GGUF", 3, most, most)
    key = struct.pack("<Q", 1) + b"k"
    began = time.monotonic()
    for value in (struct.pack("<IIQ", 9, 8, most), struct.pack("<IIQ", 9, 10, most), struct.pack("<IQ", 8, most)):
        assert gguf_header(pairs + key + value + bytes(1 << 16)) is None
    assert gguf_header(pairs + (key + struct.pack("<IB", 0, 1)) * 5000) is None
    assert time.monotonic() - began < 5


@given(st.data())
def test_broken_bytes_are_read_or_not_known(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(written(tmp_path_factory.mktemp("broken"), "gemma3", attention__sliding_window=512)[:2000])
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6)):
        whole[at] = value
    header = gguf_header(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    if header is not None:
        found = gguf_attention(header)
        assert isinstance(found, str) or found.kv_bytes(4096, 1, 2.0) > 0


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic_are_read_or_not_known(rest: bytes) -> None:
    header = gguf_header(b"GGUF" + struct.pack("<IQQ", 3, 0, 4) + rest)
    assert header is None or gguf_attention(header)


def test_llama_cpp_needs_room_for_all_its_slots(tmp_path: Path) -> None:
    model = Model(name="m", engine="llamacpp", source="o/r/m.gguf", context=8192, gpus=1, args={"parallel": 4})
    header = gguf_header(written(tmp_path, "gemma2", attention__sliding_window=512))
    assert header is not None
    needed = ENGINE.need(model, from_gguf(header, GIB, "here"), 1, Capacity(), 0)
    one = 4 * 32 * 2 * (2 * 8192 + 2 * 1296)  # 1296: the window, a batch, and what they are rounded up to
    assert (needed.weights, needed.kv, needed.kv_for) == (GIB, 4 * one, "4 slots of 8192 tokens")
