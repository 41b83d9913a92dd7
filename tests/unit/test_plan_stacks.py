"""From a workshop to its stacks: names, stand-ins in practice mode, engines started as their documentation says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.plan.deployment import Backend, Deployment
from orchestrator.plan.stacks import plan_stacks, service_names
from orchestrator.spec.components import Component
from orchestrator.spec.workshop import Workshop

EXAMPLES = Path(__file__).parents[2] / "examples"
GPU_HOST = {"name": "here", "address": "localhost", "gpus": {"count": 4, "memory_gib": 80}}


def workshop(*models: dict[str, Any], **sections: Any) -> Workshop:
    data = {"name": "w", "title": "W", "participants": {"count": 30}, "models": list(models), "hosts": [GPU_HOST]}
    return Workshop.model_validate(data | sections)


def planned(*models: dict[str, Any], unavailable: dict[Component, str] | None = None, **sections: Any) -> Deployment:
    deployment, unplaced = plan_stacks(workshop(*models, **sections), 33, unavailable or {})
    assert unplaced == ()
    return deployment


def only(deployment: Deployment) -> Backend:
    (backend,) = deployment.backends
    return backend


def test_names_that_differ_in_punctuation_only_get_services_of_their_own() -> None:
    models = [{"name": name, "engine": "ollama", "source": "x"} for name in ("a.b", "a-b", "A:b", "gateway")]
    names = service_names(workshop(*models).models)
    assert names == {"a.b": "model-a-b", "a-b": "model-a-b-v2", "A:b": "model-a-b-v3", "gateway": "model-gateway"}


def test_vllm_is_told_model_name_context_share_and_gpus() -> None:
    backend = only(
        planned(
            {
                "name": "m",
                "engine": "vllm",
                "source": "o/r",
                "gpus": 2,
                "memory_gib": 40,
                "context": 8192,
                "args": {"max_num_seqs": 64, "enable_prefix_caching": True, "enable_chunked_prefill": False},
            }
        )
    )
    command = " ".join(backend.container.command)
    assert command.startswith("o/r --served-model-name m ")
    for part in (
        "--tensor-parallel-size 2",
        "--max-model-len 8192",
        "--gpu-memory-utilization 0.5",
        "--max-num-seqs 64",
        "--enable-prefix-caching",
        "--no-enable-chunked-prefill",
    ):
        assert part in command
    assert backend.gpus == (0, 1)
    assert backend.container.volumes
    assert backend.container.environment["HF_HUB_OFFLINE"] == "1"
    assert backend.fetch is not None
    assert backend.fetch.volumes == backend.container.volumes


def test_ollama_serves_as_many_at_once_as_the_class_asks_for() -> None:
    backend = only(planned({"name": "llama", "engine": "ollama", "source": "llama3.2:3b", "context": 4096}))
    assert backend.container.environment["OLLAMA_NUM_PARALLEL"] == "9"  # a quarter of 33 heads
    assert backend.container.environment["OLLAMA_CONTEXT_LENGTH"] == "4096"
    assert backend.container.environment["OLLAMA_NO_CLOUD"] == "1"
    assert backend.served_name == "llama3.2:3b"


@pytest.mark.parametrize(
    ("source", "model", "url"),
    [
        ("o/r/f.gguf", "/weights/o--r--f.gguf", "https://huggingface.co/o/r/resolve/main/f.gguf"),
        ("https://h/x/f.gguf", "/weights/https--h--x--f.gguf", "https://h/x/f.gguf"),
        ("/data/f.gguf", "/data/f.gguf", None),
    ],
)
def test_llamacpp_loads_a_file_from_a_repository_a_url_or_the_host(source: str, model: str, url: str | None) -> None:
    backend = only(planned({"name": "m", "engine": "llamacpp", "source": source}))
    assert backend.container.environment["LLAMA_ARG_MODEL"] == model
    assert (url in backend.fetch.command) if backend.fetch else (url is None)


def test_secrets_of_an_engine_stay_apart_from_its_environment() -> None:
    environment = {"HF_TOKEN": "${env:HF_TOKEN}", "LEVEL": "3"}
    container = only(planned({"name": "m", "engine": "vllm", "source": "o/r", "environment": environment})).container
    assert "HF_TOKEN" not in container.environment
    assert container.environment["LEVEL"] == "3"
    assert container.secret_environment["HF_TOKEN"].name == "HF_TOKEN"


def test_practice_runs_each_engine_on_the_cpu_of_this_machine() -> None:
    models = (
        {"name": "a", "engine": "vllm", "source": "o/r", "replicas": 2},
        {"name": "b", "engine": "ollama", "source": "b:1"},
        {"name": "c", "engine": "llamacpp", "source": "o/r/f.gguf"},
    )
    deployment = planned(*models, practice=True, hosts=[{"name": "far", "address": "10.0.0.1"}])
    assert [stack.host.address for stack in deployment.stacks] == ["localhost"]
    assert [backend.container.component for backend in deployment.backends] == [
        Component("vllm_cpu"),
        Component("vllm_cpu"),
        Component("ollama"),
        Component("llamacpp"),
    ]
    assert deployment.notes == ()
    assert all(not backend.gpus for backend in deployment.backends)


def test_practice_says_in_words_what_stands_in_for_what() -> None:
    models = (
        {"name": "a", "engine": "vllm", "source": "o/r"},
        {"name": "b", "engine": "ollama", "source": "b:1"},
        {"name": "c", "engine": "tgi", "source": "o/r"},
        {"name": "d", "engine": "external", "source": "x", "base_url": "https://api.example.org/v1"},
    )
    lacking = {Component("vllm_cpu"): "no wheel", Component("ollama"): "no registry"}
    deployment = planned(*models, unavailable=lacking, practice=True)
    assert {backend.container.component for backend in deployment.backends} == {Component("llamacpp")}
    assert deployment.notes == (
        "a: llama.cpp stands in for vLLM: no wheel",
        "b: llama.cpp stands in for Ollama, so its native routes /ollama/api/* are not served: no registry",
        "c: llama.cpp stands in for TGI, which is run on GPUs only",
        "d: llama.cpp stands in for the external provider, which practice mode never asks",
    )


def test_the_example_of_a_real_class_fits_its_hosts() -> None:
    from orchestrator.spec.loader import load

    deployment, unplaced = plan_stacks(load(EXAMPLES / "on-prem.yaml").workshop, 33, {})
    assert unplaced == ()
    assert {stack.host.name: len(stack.backends) for stack in deployment.stacks} == {"front": 0, "gpu-1": 2, "gpu-2": 2}
    mistral = deployment.backends_of("mistral-7b")
    assert {backend.host for backend in mistral} == {"gpu-1", "gpu-2"}


def test_a_thousand_participants_on_fifty_hosts_are_planned() -> None:
    hosts = [{"name": "front", "address": "10.1.0.1", "roles": ["gateway", "webui"]}] + [
        {"name": f"gpu-{n}", "address": f"10.0.0.{n}", "roles": ["inference"], "gpus": {"count": 8, "memory_gib": 80}}
        for n in range(49)
    ]
    models = [{"name": f"m{n}", "engine": "vllm", "source": "o/r", "replicas": 20} for n in range(19)]
    deployment = planned(*models, hosts=hosts, participants={"count": 1000})
    assert len(deployment.backends) == 380
    assert len({(backend.host, backend.gpus) for backend in deployment.backends}) == 380
