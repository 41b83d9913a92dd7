"""The synthetic models: real formats, the same bytes each time, made in a moment, answers that print and end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors import safe_open

from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.practice.vocabulary import BYTES, IDS, PRINTABLE, TOKENS, TURN_END
from orchestrator.practice.weights import make_weights


def test_every_byte_has_a_printable_character_of_its_own() -> None:
    assert len(set(BYTES)) == 256
    assert all(character.isprintable() and character != " " for character in BYTES)


def test_tokens_are_different() -> None:
    assert len(set(TOKENS)) == len(TOKENS)


def test_both_formats_are_made_in_under_a_second(tmp_path: Path) -> None:
    start = time.monotonic()
    write_gguf(tmp_path / "tiny.gguf", name="tiny")
    write_checkpoint(tmp_path / "tiny", name="tiny")
    assert time.monotonic() - start < 1


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_gguf(tmp_path / place / "tiny.gguf", name="tiny")
        write_checkpoint(tmp_path / place, name="tiny")
    first, second = (sorted((tmp_path / place).iterdir()) for place in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_gguf_names_its_architecture_its_tokens_and_its_template(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", name="my model")
    reader = gguf.GGUFReader(tmp_path / "tiny.gguf")
    read = {name: field.contents() for name, field in reader.fields.items()}
    assert read["general.architecture"] == "llama"
    assert read["general.name"] == "my model"
    assert read["tokenizer.ggml.tokens"] == list(TOKENS)
    assert read["tokenizer.ggml.eos_token_id"] == IDS[TURN_END]
    assert "<|im_start|>" in read["tokenizer.chat_template"]
    assert "llama.pooling_type" not in read


def test_an_embedding_model_says_how_it_pools(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", name="tiny", embedding=True)
    reader = gguf.GGUFReader(tmp_path / "tiny.gguf")
    assert reader.fields["llama.pooling_type"].contents() == gguf.PoolingType.MEAN


def test_both_formats_hold_the_same_weights(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", name="tiny")
    write_checkpoint(tmp_path, name="tiny")
    reader = gguf.GGUFReader(tmp_path / "tiny.gguf")
    exact = {tensor.name: tensor.data for tensor in reader.tensors}
    raw = (tmp_path / "model.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    for mine, theirs in (
        ("output.weight", "lm_head.weight"),
        ("blk.1.ffn_down.weight", "model.layers.1.mlp.down_proj.weight"),
    ):
        start, end = (8 + int.from_bytes(raw[:8], "little") + offset for offset in header[theirs]["data_offsets"])
        rounded = (np.frombuffer(raw[start:end], "<u2").astype(np.uint32) << 16).view(np.float32)
        assert rounded.reshape(header[theirs]["shape"]) == pytest.approx(exact[mine], rel=2**-8)


def test_the_checkpoint_is_read_by_the_safetensors_library(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, name="tiny")
    config = json.loads((tmp_path / "config.json").read_text())
    with safe_open(tmp_path / "model.safetensors", framework="np") as file:
        assert file.get_slice("lm_head.weight").get_shape() == [config["vocab_size"], config["hidden_size"]]
        assert len(list(file.keys())) == 3 + 9 * config["num_hidden_layers"]


def test_the_tokenizer_knows_every_token(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, name="tiny")
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    assert tokenizer["model"]["vocab"] | added == IDS


def test_only_printable_tokens_can_win_and_the_end_only_after_a_full_stop() -> None:
    output = make_weights(end_bias=30).output
    flags = 0.2 * output[:, 0]
    after_stop = flags + 0.2 * output[:, 1]
    hopeless = set(np.flatnonzero(flags < -10))
    assert hopeless == set(range(len(TOKENS))) - set(PRINTABLE)
    assert set(np.flatnonzero(after_stop < -10)) == hopeless - {IDS[TURN_END]}


def test_without_a_bias_an_answer_never_ends_by_itself() -> None:
    output = make_weights(end_bias=-200).output
    assert output[IDS[TURN_END], 0] + output[IDS[TURN_END], 1] == -200
