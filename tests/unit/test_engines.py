"""How each engine is started for a model, real and in practice."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import spec_of, with_models

from orchestrator.plan.deployment import Backend, Deployment
from orchestrator.plan.engines import flags
from orchestrator.spec.components import Component
from orchestrator.workflow.desired import planned

GPU = "hosts: [{name: a, gpus: {count: 2, memory_gib: 24}}]\n"


def backend_of(folder: Path, model: str, more: str = GPU) -> Backend:
    (backend,) = planned(spec_of(folder, with_models(model) + more), {}).backends
    return backend


def practised(folder: Path, unavailable: dict[Component, str], *models: str) -> Deployment:
    return planned(spec_of(folder, with_models(*models) + "practice: true\n"), unavailable)


def test_arguments_become_options_in_the_order_given() -> None:
    given = {
        "max_num_seqs": 64,
        "enable-x": True,
        "chunked_prefill": False,
        "lora": ["a", 1],
        "dtype": "bf16",
        "n": 0.5,
    }
    assert list(flags(given)) == [
        "--max-num-seqs", "64", "--enable-x", "--no-chunked-prefill", "--lora", "a", "1", "--dtype", "bf16", "--n", "0.5",
    ]  # fmt: skip


def test_vllm_serves_under_the_name_of_the_model(tmp_path: Path) -> None:
    model = "name: m, engine: vllm, source: o/m, gpus: 2, context: 8192, args: {max_num_seqs: 64}"
    container = backend_of(tmp_path, model).container
    command = list(container.command)
    assert command[:3] == ["o/m", "--served-model-name", "m"]
    for option, value in (("--tensor-parallel-size", "2"), ("--max-model-len", "8192"), ("--max-num-seqs", "64")):
        assert command[command.index(option) + 1] == value
    assert container.shm_gib == 16
    assert container.environment["HF_HUB_OFFLINE"] == "1"


def test_weights_are_fetched_beforehand_with_the_secrets_that_need_it(tmp_path: Path) -> None:
    model = "name: m, engine: vllm, source: o/m, environment: {HF_TOKEN: '${env:HF_TOKEN}'}"
    backend = backend_of(tmp_path, model)
    assert backend.fetch is not None
    assert backend.fetch.volumes == backend.container.volumes
    assert list(backend.fetch.secret_environment) == ["HF_TOKEN"]
    assert "HF_HUB_OFFLINE" not in backend.fetch.environment


@pytest.mark.parametrize(("heads", "parallel"), [(1, "2"), (30, "8"), (1000, "16")])
def test_ollama_answers_a_quarter_of_the_room_at_once(tmp_path: Path, heads: int, parallel: str) -> None:
    text = with_models("name: m, engine: ollama, source: x").replace("{count: 3}", f"{{count: {heads}}}")
    (backend,) = planned(spec_of(tmp_path, text), {}).backends
    assert backend.container.environment["OLLAMA_NUM_PARALLEL"] == parallel
    assert backend.served_name == "x"


def test_llamacpp_gives_each_slot_its_own_context(tmp_path: Path) -> None:
    container = backend_of(tmp_path, "name: m, engine: llamacpp, source: o/r/f.gguf, context: 1000").container
    slots = int(container.environment["LLAMA_ARG_N_PARALLEL"])
    assert int(container.environment["LLAMA_ARG_CTX_SIZE"]) == 1000 * slots
    assert container.component is Component.LLAMACPP


def test_llamacpp_on_a_gpu_runs_another_image(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, "name: m, engine: llamacpp, source: o/r/f.gguf, gpus: 1")
    assert backend.container.component is Component.LLAMACPP_CUDA
    assert backend.container.environment["LLAMA_ARG_N_GPU_LAYERS"] == "999"


def test_files_of_one_name_from_two_repositories_are_kept_apart(tmp_path: Path) -> None:
    sources = ["one/r/model.gguf", "two/r/model.gguf", "https://example.org/model.gguf"]
    text = with_models(*(f"name: m{n}, engine: llamacpp, source: '{source}'" for n, source in enumerate(sources)))
    backends = planned(spec_of(tmp_path, text), {}).backends
    paths = [backend.container.environment["LLAMA_ARG_MODEL"] for backend in backends]
    assert len(set(paths)) == 3
    assert [backend.fetch.command[-1] for backend in backends if backend.fetch] == paths
    assert [backend.fetch.command[-2] for backend in backends if backend.fetch] == [
        "https://huggingface.co/one/r/resolve/main/model.gguf",
        "https://huggingface.co/two/r/resolve/main/model.gguf",
        "https://example.org/model.gguf",
    ]


def test_weights_on_the_host_are_mounted_and_not_fetched(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, "name: m, engine: llamacpp, source: /srv/m.gguf")
    assert backend.fetch is None
    assert backend.container.files == (("/srv/m.gguf", "/srv/m.gguf"),)


def test_tgi_shards_over_its_gpus(tmp_path: Path) -> None:
    command = backend_of(tmp_path, "name: m, engine: tgi, source: o/m, gpus: 2, context: 4096").container.command
    assert command == ("--model-id", "o/m", "--port", "80", "--num-shard", "2", "--max-total-tokens", "4096")


ONE_OF_EACH = (
    "name: v, engine: vllm, source: o/m",
    "name: o, engine: ollama, source: x",
    "name: l, engine: llamacpp, source: o/r/f.gguf",
    "name: t, engine: tgi, source: o/m",
    "name: e, engine: external, source: x, base_url: 'https://a.example', api_key: '${env:NEVER_SET}'",
)


def test_practice_runs_the_engine_itself_where_there_is_a_cpu_image(tmp_path: Path) -> None:
    runs = {backend.model: backend.container.component for backend in practised(tmp_path, {}, *ONE_OF_EACH).backends}
    assert (runs["v"], runs["o"], runs["l"]) == (Component.VLLM_CPU, Component.OLLAMA, Component.LLAMACPP)
    assert (runs["t"], runs["e"]) == (Component.LLAMACPP, Component.LLAMACPP)


def test_practice_needs_no_secret(tmp_path: Path) -> None:
    deployment = practised(tmp_path, {}, *ONE_OF_EACH)
    assert not any(backend.container.secret_environment for backend in deployment.backends)
