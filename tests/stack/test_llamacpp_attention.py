"""What llama.cpp itself keeps of a model's tokens, against what is read from the header of its file.

The models are a few layers of each architecture, all of their numbers alike: enough to be loaded, for the room they get.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import docker
import gguf
import numpy as np
import pytest

from orchestrator.engines.attention import Attention
from orchestrator.engines.gguf_attention import gguf_attention
from orchestrator.engines.size import MIB
from orchestrator.engines.slots import AHEAD
from orchestrator.fleet.model_files import read_folder
from orchestrator.practice.gguf import add_vocabulary, finish
from orchestrator.practice.vocabulary import TOKENS
from orchestrator.spec.components import Component
from tests.conftest import Packaged

pytestmark = pytest.mark.full("it loads six models; what a header says is in tests/unit/test_gguf_header")

WIDTH, INNER, HEADS, KV_HEADS, SIZE = 64, 32, 4, 2, 16
SLOTS, CONTEXT, WINDOW = 2, 8192, 512
LOAD = """
for file in /models/*.gguf; do
    timeout 60 llama-server -m "$file" -c {tokens} -np {slots} --no-warmup -v > /tmp/log 2>&1 &
    until grep -q 'initializing, n_slots' /tmp/log || ! kill -0 $!; do sleep 0.1; done
    kill $!
    wait $!
    echo "file $file"
    grep -E 'KV buffer|error' /tmp/log
done
"""

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

FEED: Shapes = {"ffn_norm": (WIDTH,), "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER), "ffn_gate": (INNER, WIDTH)}
HEAD: Shapes = {"attn_norm": (WIDTH,), "attn_output": (WIDTH, HEADS * SIZE)}
APART: Shapes = {"attn_q": (HEADS * SIZE, WIDTH), **dict.fromkeys(("attn_k", "attn_v"), (KV_HEADS * SIZE, WIDTH))}
GEMMA: Shapes = {**HEAD, **APART, **FEED, "post_attention_norm": (WIDTH,), "post_ffw_norm": (WIDTH,)}
LATENT: Shapes = {
    "attn_q_a": (16, WIDTH),
    "attn_q_a_norm": (16,),
    "attn_q_b": (HEADS * 48, 16),
    "attn_kv_a_mqa": (80, WIDTH),
    "attn_kv_a_norm": (64,),
    "attn_k_b": (HEADS, 64, 32),
    "attn_v_b": (HEADS, 32, 64),
    "attn_output": (WIDTH, HEADS * 32),
}
WINDOWED: Mapping[str, float] = {"attention.sliding_window": WINDOW}
MODELS: Mapping[str, tuple[int, Shapes, Mapping[str, float]]] = {  # layers, what each has, what else the header says
    "llama": (4, {**HEAD, **APART, **FEED}, {}),
    "gemma2": (6, GEMMA, WINDOWED),
    "gemma3": (7, {**GEMMA, "attn_q_norm": (SIZE,), "attn_k_norm": (SIZE,)}, WINDOWED),
    "cohere2": (
        8,
        {name: shape for name, shape in {**HEAD, **APART, **FEED}.items() if name != "ffn_norm"},
        {**WINDOWED, "attention.layer_norm_epsilon": 1e-5, "logit_scale": 0.25},
    ),
    "phi3": (
        4,
        {**HEAD, "attn_qkv": ((HEADS + 2 * KV_HEADS) * SIZE, WIDTH)}
        | {name: shape for name, shape in FEED.items() if name != "ffn_gate"}
        | {"ffn_up": (2 * INNER, WIDTH)},
        WINDOWED,
    ),
    "deepseek2": (
        4,
        {"attn_norm": (WIDTH,), **LATENT, **FEED},
        {"attention.head_count_kv": 1, "attention.key_length": 80, "attention.value_length": 64}
        | {"attention.key_length_mla": 48, "attention.value_length_mla": 32, "rope.dimension_count": 16}
        | {"attention.kv_lora_rank": 64, "attention.q_lora_rank": 16, "leading_dense_block_count": 4}
        | {"expert_count": 4, "expert_used_count": 2, "expert_shared_count": 1, "expert_feed_forward_length": 16}
        | {"expert_weights_scale": 1.0, "expert_gating_func": 1},
    ),
}


def write(folder: Path, architecture: str) -> None:
    layers, shapes, more = MODELS[architecture]
    writer = gguf.GGUFWriter(folder / f"{architecture}.gguf", architecture)
    plain = {"context_length": 32768, "embedding_length": WIDTH, "feed_forward_length": INNER, "block_count": layers}
    plain |= {"attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "vocab_size": len(TOKENS)}
    plain |= {"attention.key_length": SIZE, "attention.value_length": SIZE, "rope.dimension_count": SIZE}
    for name, value in {**plain, "attention.layer_norm_rms_epsilon": 1e-5, **more}.items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        add(f"{architecture}.{name}", value)
    add_vocabulary(writer)
    tensors: dict[str, Shape] = {"token_embd": (len(TOKENS), WIDTH), "output_norm": (WIDTH,)}
    if architecture in {"llama", "phi3", "deepseek2"}:  # others use that of the words
        tensors["output"] = (len(TOKENS), WIDTH)
    tensors |= {f"blk.{layer}.{name}": shape for layer in range(layers) for name, shape in shapes.items()}
    for name, shape in tensors.items():
        writer.add_tensor(f"{name}.weight", np.full(shape, 0.01, np.float32))
    finish(writer)


@pytest.fixture(scope="module")
def loaded(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, str]]:
    """The files, and by architecture what llama.cpp logs of each."""
    folder = tmp_path_factory.mktemp("models")
    for architecture in MODELS:
        write(folder, architecture)
    client = docker.from_env()
    try:
        log = client.containers.run(
            packaged(Component("llamacpp")),
            ["-c", LOAD.format(tokens=SLOTS * CONTEXT, slots=SLOTS)],
            entrypoint="/bin/sh",
            volumes={str(folder): {"bind": "/models", "mode": "ro"}},
            network_mode="none",
            remove=True,
        ).decode("utf-8", "replace")
    finally:
        client.close()
    _, *parts = re.split(r"^file /models/(\w+)\.gguf$", log, flags=re.MULTILINE)
    return folder, dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("architecture", MODELS)
def test_it_keeps_what_the_header_says(loaded: tuple[Path, Mapping[str, str]], architecture: str) -> None:
    folder, logs = loaded
    sizes = re.findall(r"KV buffer size = +([0-9.]+) MiB", logs[architecture])
    kept = sum(map(float, sizes)) * MIB
    assert kept, logs[architecture][-2000:]

    files = read_folder(folder / f"{architecture}.gguf")
    assert files
    assert files.gguf
    found = gguf_attention(files.gguf)
    assert isinstance(found, Attention), found
    over = SLOTS * found.kv_bytes(CONTEXT, 1, 2.0, AHEAD) - kept
    token = found.kv_heads * found.numbers * 2 * found.sliding
    assert 0 <= over <= SLOTS * 288 * token  # windows are rounded up; the rest is the same to the byte
