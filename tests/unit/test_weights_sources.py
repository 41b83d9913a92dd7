"""What a model's source may name, which of a repository's files are loaded, and what is mounted of a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engines.arguments import on_the_host
from orchestrator.engines.engine import Start
from orchestrator.engines.kinds.vllm import ENGINE as VLLM
from orchestrator.engines.loaded_files import to_fetch
from orchestrator.engines.size import weight_bytes
from orchestrator.errors import SpecError
from orchestrator.spec.models import Model
from tests.unit.spec_samples import spec_of, with_models

SHARDS = {f"model-0000{n}-of-00003.safetensors": 4_000 + n for n in (1, 2, 3)}
INDEX = {"model.safetensors.index.json": 9, "config.json": 8, "tokenizer.json": 7}
OWN = {"consolidated.safetensors": 12_006, "params.json": 1}


@pytest.mark.parametrize(
    ("files", "left_out", "loaded"),
    [
        pytest.param({**SHARDS, **INDEX}, {}, 12_006, id="plain"),
        pytest.param({**SHARDS, **INDEX, **OWN}, OWN.keys() - {"params.json"}, 12_006, id="Mistral-7B-Instruct-v0.3"),
        pytest.param({**OWN, "tekken.json": 3}, {}, 12_006, id="consolidated only"),
        pytest.param(
            {**SHARDS, **INDEX, "fp32/model.safetensors": 24_000, "fp32/config.json": 1},
            {"fp32/model.safetensors"},
            12_006,
            id="another precision in a folder",
        ),
        pytest.param(
            {"model.safetensors": 40, "1_Pooling/config.json": 1, "2_Dense/model.safetensors": 5},
            {},
            40,
            id="layers of sentence-transformers",
        ),
        pytest.param(
            {"model.safetensors": 40, "original/consolidated.00.pth": 40, "metal/model.bin": 40, "m.gguf": 9},
            {"original/consolidated.00.pth", "metal/model.bin", "m.gguf"},
            40,
            id="gpt-oss, Llama",
        ),
        pytest.param(
            {"pytorch_model.bin": 7, "tf_model.h5": 7, "onnx/model.onnx": 7, "config.json": 1},
            {"tf_model.h5", "onnx/model.onnx"},
            7,
            id="before safetensors",
        ),
        pytest.param({"gptq_model-4bit-128g.safetensors": 4}, {}, 4, id="quantised under a name of its own"),
        pytest.param({"README.md": 1, "q4/model.gguf": 9}, {}, None, id="nothing at the top"),
    ],
)
def test_one_form_of_the_weights_is_fetched_and_reckoned(
    files: dict[str, int], left_out: set[str], loaded: int | None
) -> None:
    assert to_fetch(files, consolidated=False) == files.keys() - left_out
    assert weight_bytes(files) == loaded
    assert weight_bytes({name: files[name] for name in to_fetch(files, consolidated=True)}) == loaded


@pytest.mark.parametrize(
    ("args", "form"),
    [({}, "consolidated"), ({"load_format": "mistral"}, "consolidated"), ({"load-format": "safetensors"}, "common")],
)
def test_vllm_is_brought_the_form_that_it_loads(args: dict[str, str], form: str) -> None:
    model = Model.model_validate({"name": "m", "engine": "vllm", "source": "lab/m", "args": args})
    fetch = VLLM.serve(model, Start(1, None, 1)).fetch
    assert fetch is not None
    assert fetch.command[2] == form
    assert fetch.key == ("lab--m" if form == "consolidated" else "lab--m--common")


@pytest.mark.parametrize(
    ("engine", "source", "told"),
    [
        ("vllm", "https://huggingface.co/Qwen/Qwen3-8B", "Write Qwen/Qwen3-8B"),
        ("sglang", "https://huggingface.co/Qwen/Qwen3-8B/tree/main", "Write Qwen/Qwen3-8B"),
        ("tgi", "Qwen/Qwen3-8B/model.safetensors", "Write Qwen/Qwen3-8B"),
        ("vllm", "Qwen/Qwen3-8B@v1", "args: {revision: v1}"),
        ("vllm", "./weights", "an absolute path on the host"),
        ("vllm", "~/weights", "an absolute path on the host"),
        (
            "llamacpp",
            "https://huggingface.co/o/r/blob/main/f.gguf",
            "Write https://huggingface.co/o/r/resolve/main/f.gguf",
        ),
        ("llamacpp", "https://hub/o/r/blob/v2/d/f.gguf?x=1", "Write https://hub/o/r/resolve/v2/d/f.gguf"),
        ("llamacpp", "o/r/blob/main/f.gguf", "Write o/r/f.gguf"),
        ("llamacpp", "o/r/resolve/main/d/f.gguf", "Write o/r/d/f.gguf"),
        ("llamacpp", "https://hub/o/r/resolve/main/f.gguf?download=true", "Write https://hub/o/r/resolve/main/f.gguf"),
        ("llamacpp", "https://h/a#b.gguf", "Write # as %23"),
        ("llamacpp", "https://h/a b.gguf", "a blank as %20"),
        ("llamacpp", "o/r", "expected OWNER/REPO/FILE.gguf"),
        ("ollama", "https://ollama.com/library/llama3.2", "Write llama3.2"),
        ("ollama", "https://ollama.com/somebody/model", "Write somebody/model"),
    ],
)
def test_an_address_that_leads_to_no_weights_is_refused_with_the_right_one(
    tmp_path: Path, engine: str, source: str, told: str
) -> None:
    with pytest.raises(SpecError) as refused:
        spec_of(tmp_path, with_models(f"name: m, engine: {engine}, source: {source!r}"))
    assert told in str(refused.value)
    assert "source" in str(refused.value)


@pytest.mark.parametrize(
    ("engine", "source"),
    [
        ("vllm", "gpt2"),
        ("vllm", "Qwen/Qwen2.5-7B-Instruct"),
        ("llamacpp", "o/r/with a blank [1].gguf"),
        ("llamacpp", "https://huggingface.co/o/r/resolve/main/f.gguf"),
        ("ollama", "hf.co/o/r:Q4_K_M"),
        ("ollama", "llama3.2:3b"),
    ],
)
def test_what_leads_to_weights_is_taken(tmp_path: Path, engine: str, source: str) -> None:
    spec = spec_of(tmp_path, with_models(f"name: m, engine: {engine}, source: {source!r}"))
    assert spec.workshop.models[0].source == source


CACHE = "/data/hub/models--o--m"


@pytest.mark.parametrize(
    ("source", "mounted"),
    [
        ("/srv/m", ["/srv/m"]),
        (f"{CACHE}/snapshots/0123abc", [CACHE]),
        (f"{CACHE}/snapshots/0123abc/", [CACHE]),
        (f"{CACHE}/snapshots/0123abc/m.gguf", [CACHE]),
        ("/srv/m-00001-of-00002.gguf", ["/srv/m-00001-of-00002.gguf", "/srv/m-00002-of-00002.gguf"]),
    ],
)
def test_a_snapshot_is_mounted_with_what_its_links_lead_to(source: str, mounted: list[str]) -> None:
    model = Model.model_construct(name="m", engine="vllm", source=source)
    assert on_the_host(model) == tuple((place, place) for place in mounted)
