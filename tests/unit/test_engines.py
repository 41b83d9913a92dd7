"""How each engine is started for a model, real and in practice."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.engines.arguments import EVERYWHERE, flags
from orchestrator.errors import SpecError
from orchestrator.plan.deployment import Backend, Deployment
from orchestrator.spec.components import Component
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, with_models

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
    assert container.component == Component("llamacpp")


def test_llamacpp_keeps_prompts_in_as_much_memory_as_it_is_told(tmp_path: Path) -> None:
    model = "name: m, engine: llamacpp, source: o/r/f.gguf"
    assert backend_of(tmp_path, model).container.environment["LLAMA_ARG_CACHE_RAM"] == "1024"
    own = backend_of(tmp_path, model + ", args: {cache_ram: 0}")
    assert own.container.command[-2:] == ("--cache-ram", "0")  # an option goes before its variable
    (practice,) = practised(tmp_path, {}, model).backends
    assert practice.container.environment["LLAMA_ARG_CACHE_RAM"] == "0"


def test_llamacpp_on_a_gpu_runs_another_image(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, "name: m, engine: llamacpp, source: o/r/f.gguf, gpus: 1")
    assert backend.container.component == Component("llamacpp_cuda")
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


def test_weights_are_asked_for_at_the_models_own_hub_and_revision(tmp_path: Path) -> None:
    own = "environment: {HF_ENDPOINT: 'https://hub.example/'}"
    file = backend_of(tmp_path, f"name: m, engine: llamacpp, source: o/r/f.gguf, {own}")
    assert file.fetch is not None
    assert file.fetch.command[-2] == "https://hub.example/o/r/resolve/main/f.gguf"
    repository = backend_of(tmp_path, f"name: m, engine: vllm, source: o/m, {own}, args: {{revision: v2}}")
    assert repository.fetch is not None
    assert repository.fetch.command[-2:] == ("o/m", "v2")
    assert repository.fetch.environment["HF_ENDPOINT"] == "https://hub.example/"


def test_what_is_fetched_is_told_apart_by_model_and_revision(tmp_path: Path) -> None:
    given = ("source: o/m", "source: o/n", "source: o/m, args: {revision: v2}")
    fetches = [backend_of(tmp_path, f"name: m, engine: vllm, {more}").fetch for more in given]
    assert len({fetch.key for fetch in fetches if fetch}) == 3


@pytest.mark.parametrize("engine", ["llamacpp", "vllm", "tgi"])
def test_weights_on_the_host_are_mounted_and_not_fetched(tmp_path: Path, engine: str) -> None:
    backend = backend_of(tmp_path, f"name: m, engine: {engine}, source: /srv/m.gguf")
    assert backend.fetch is None
    assert backend.container.files == (("/srv/m.gguf", "/srv/m.gguf"),)


def test_tgi_shards_over_its_gpus_and_takes_what_the_gateway_lets_through(tmp_path: Path) -> None:
    container = backend_of(tmp_path, "name: m, engine: tgi, source: o/m, gpus: 2, context: 4096").container
    assert container.command == (
        "--model-id", "o/m", "--port", "80", "--num-shard", "2", "--max-concurrent-requests", "1024",
        "--payload-limit", "33554432", "--usage-stats", "off", "--max-total-tokens", "4096",
    )  # fmt: skip
    assert container.shm_gib == 16
    assert container.environment["HF_HUB_OFFLINE"] == "1"


def test_tgi_is_told_the_share_of_the_gpu_that_is_its_own(tmp_path: Path) -> None:
    command = backend_of(tmp_path, "name: m, engine: tgi, source: o/m, memory_gib: 12").container.command
    assert command[command.index("--cuda-memory-fraction") + 1] == "0.5"


def test_tgi_is_asked_by_the_name_that_means_no_adapter(tmp_path: Path) -> None:
    assert backend_of(tmp_path, "name: m, engine: tgi, source: o/m").served_name == "tgi"


def test_tgi_has_no_options_that_say_no(tmp_path: Path) -> None:
    model = "name: m, engine: tgi, source: o/m, args: {trust_remote_code: false, disable_custom_kernels: true}"
    command = backend_of(tmp_path, model).container.command
    assert "--disable-custom-kernels" in command
    assert not [word for word in command if "trust" in word or word.startswith("--no-")]


def test_a_gated_model_of_tgi_is_fetched_whole_with_its_token(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, "name: m, engine: tgi, source: o/m, environment: {HF_TOKEN: '${env:HF_TOKEN}'}")
    assert backend.fetch is not None
    assert backend.fetch.command == (
        "/usr/src/.venv/bin/python",
        "/workshop-fetch/fetch_repository.py",
        "common",
        "o/m",
    )
    assert backend.fetch.volumes == backend.container.volumes == (("weights-tgi", "/data"),)
    assert list(backend.fetch.secret_environment) == list(backend.container.secret_environment) == ["HF_TOKEN"]
    assert backend.container.entrypoint == ("/tgi-entrypoint.sh",)


def test_vllm_and_sglang_are_told_how_the_model_calls_tools(tmp_path: Path) -> None:
    vllm = backend_of(tmp_path, "name: m, engine: vllm, source: lab/Qwen3-own").container
    assert vllm.command[-5:] == (
        "--enable-auto-tool-choice",
        "--tool-call-parser",
        "hermes",
        "--reasoning-parser",
        "qwen3",
    )
    sglang = backend_of(tmp_path, "name: m, engine: sglang, source: lab/Qwen3-own").container
    assert sglang.command[-4:] == ("--tool-call-parser", "qwen", "--reasoning-parser", "qwen3")
    assert vllm.tools
    assert sglang.tools


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("more", ["", ", source: lab/Qwen3-own, tools: off, reasoning: off"])
def test_without_a_parser_they_take_no_tools(tmp_path: Path, engine: str, more: str) -> None:
    container = backend_of(tmp_path, f"name: m, engine: {engine}" + (more or ", source: lab/own")).container
    assert not container.tools
    assert not [word for word in container.command if "parser" in word or "tool" in word]


def test_in_practice_vllm_takes_tools_where_it_would_with_the_real_weights(tmp_path: Path) -> None:
    models = ("name: a, engine: vllm, source: openai/gpt-oss-20b", "name: b, engine: vllm, source: lab/own")
    there = {backend.model: backend.container for backend in practised(tmp_path, {}, *models).backends}
    assert there["a"].command[-3:] == ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")
    assert (there["a"].tools, there["b"].tools) == (True, False)
    assert "--tool-call-parser" not in there["b"].command


def test_args_hold_in_practice_too_but_for_what_needs_a_gpu_or_the_real_weights(tmp_path: Path) -> None:
    models = (
        "name: v, engine: vllm, source: o/m, args: {max_num_seqs: 9, kv-cache-dtype: fp8, mistake: true}",
        "name: l, engine: llamacpp, source: o/r/f.gguf, args: {n_gpu_layers: 9, no_warmup: true}",
        "name: s, engine: sglang, source: o/m, args: {mem_fraction_static: 0.8}",
    )
    made = practised(tmp_path, {}, *models)
    there = {backend.model: backend.container.command for backend in made.backends}
    assert there["v"][-3:] == ("--max-num-seqs", "9", "--mistake")
    assert there["l"] == ("--alias", "l", "--no-warmup")
    assert there["s"] == ("--alias", "s")
    assert [note for note in made.notes if "practice mode tries no" in note] == [
        "v: practice mode tries no kv-cache-dtype",
        "l: practice mode tries no n_gpu_layers",
        "s: practice mode tries no mem_fraction_static",
    ]
    (alone,) = practised(tmp_path, {Component("vllm_cpu"): "away"}, models[0]).backends
    assert alone.left_out == ("max_num_seqs", "kv-cache-dtype", "mistake")


def test_sglang_is_started_and_asked_whether_it_is_ready_without_a_token_being_written(tmp_path: Path) -> None:
    given = "args: {revision: main, disable_radix_cache: true, trust_remote_code: false}"
    backend = backend_of(tmp_path, f"name: m, engine: sglang, source: o/m, gpus: 2, context: 4096, {given}")
    container = backend.container
    assert container.entrypoint == ("python3", "-m", "sglang.launch_server")
    assert container.command == (
        "--model-path", "o/m", "--served-model-name", "m", "--host", EVERYWHERE, "--port", "30000", "--tp-size", "2",
        "--enable-metrics", "--context-length", "4096", "--revision", "main", "--disable-radix-cache",
    )  # fmt: skip
    assert container.health[-1].endswith(":30000/ready")
    assert backend.server.health == "/ready"
    assert container.environment["HF_HUB_OFFLINE"] == "1"
    assert backend.fetch is not None
    assert backend.fetch.command == ("python3", "/workshop-fetch/fetch_repository.py", "common", "o/m", "main")


def test_sglang_does_not_share_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"models\[1\].memory_gib: sglang takes whole GPUs here"):
        backend_of(tmp_path, "name: m, engine: sglang, source: o/m, memory_gib: 12")


ONE_OF_EACH = (
    "name: v, engine: vllm, source: o/m",
    "name: o, engine: ollama, source: x",
    "name: l, engine: llamacpp, source: o/r/f.gguf",
    "name: t, engine: tgi, source: o/m",
    "name: s, engine: sglang, source: o/m",
    "name: e, engine: external, source: x, base_url: 'https://a.example', api_key: '${env:NEVER_SET}'",
)


def test_practice_runs_the_engine_itself_where_there_is_a_cpu_image(tmp_path: Path) -> None:
    runs = {backend.model: backend.container.component for backend in practised(tmp_path, {}, *ONE_OF_EACH).backends}
    assert (runs["v"], runs["o"], runs["l"]) == (Component("vllm_cpu"), Component("ollama"), Component("llamacpp"))
    assert (runs["t"], runs["e"]) == (Component("llamacpp"), Component("llamacpp"))


def test_what_stands_in_for_tgi_and_for_a_provider_is_named_as_such(tmp_path: Path) -> None:
    notes = {note.split(":")[0]: note for note in practised(tmp_path, {}, *ONE_OF_EACH).notes}
    assert notes == {
        "t": "t: llama.cpp stands in for TGI, which is run on GPUs only",
        "s": "s: llama.cpp stands in for SGLang, which is run on GPUs only",
        "e": "e: llama.cpp stands in for the external provider, which practice mode never asks",
    }


def test_practice_needs_no_secret(tmp_path: Path) -> None:
    deployment = practised(tmp_path, {}, *ONE_OF_EACH)
    assert not any(backend.container.secret_environment for backend in deployment.backends)


def test_an_ollama_has_a_folder_for_its_one_model(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, "name: m, engine: ollama, source: 'llama3.2:3b'")
    assert backend.fetch is not None
    assert backend.container.environment["OLLAMA_MODELS"] == "/root/.ollama/llama3.2--3b"
    assert backend.fetch.environment["OLLAMA_MODELS"] == backend.container.environment["OLLAMA_MODELS"]
    assert backend.fetch.tree == "llama3.2--3b"


def test_an_ollama_model_of_a_file_is_made_under_the_models_name(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, "name: helper, engine: ollama, source: /srv/helper.gguf")
    assert backend.fetch is not None
    assert backend.served_name == "helper"
    assert backend.fetch.command[-3:] == ("create", "helper", "/srv/helper.gguf")
    assert backend.fetch.files == (("/srv/helper.gguf", "/srv/helper.gguf"),)
    assert backend.container.files == ()  # what it serves lies in the volume by then


def test_llamacpp_is_found_in_its_projects_image_and_in_debians(tmp_path: Path) -> None:
    entrypoint = backend_of(tmp_path, "name: m, engine: llamacpp, source: o/r/f.gguf").container.entrypoint
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "llama-server").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "llama-server").chmod(0o755)
    ran = subprocess.run(
        [*entrypoint, "--alias", "a b"], env={"PATH": f"{folder}:/bin"}, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "--alias a b\n"
    elsewhere = subprocess.run(entrypoint, env={"PATH": "/bin"}, capture_output=True, text=True, check=False)
    assert "/app/llama-server" in elsewhere.stderr
