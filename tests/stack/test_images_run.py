"""The images built from packages keep the contract of the official ones, and the synthetic models answer in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.spec.components import Component

pytestmark = pytest.mark.full("two minutes; the class of test_workshop_provision runs the same images")

LABEL = "workshop.test"
Start = Callable[..., str]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_gguf(tmp_path / "tiny.gguf", name="tiny")
    write_gguf(tmp_path / "embed.gguf", name="embed", embedding=True)
    write_checkpoint(tmp_path / "tiny", name="tiny")
    return tmp_path


@pytest.fixture
def start(tmp_path: Path, packaged: Callable[[Component], str]) -> Iterator[Start]:
    """Runs a component's image built from packages; gives its address once GET /health is 200."""
    with ExitStack() as running:

        def run(
            component: Component,
            port: int,
            command: list[str],
            *,
            seconds: float,
            environment: dict[str, str] | None = None,
            **options: Any,
        ) -> str:
            ready = (
                HttpWaitStrategy(port, "/health").for_status_code(200).with_startup_timeout(timedelta(seconds=seconds))
            )
            container = (
                DockerContainer(packaged(component))
                .with_command(command)
                .with_volume_mapping(str(tmp_path), "/models", "ro")
                .with_envs(**(environment or {}))
                .with_kwargs(labels={LABEL: "images"}, **options)
                .waiting_for(ready)
            )
            container.ports[f"{port}/tcp"] = ("127.0.0.1", None)  # type: ignore[assignment]  # on the loopback, any port
            running.enter_context(container)
            return f"http://127.0.0.1:{container.get_exposed_port(port)}"

        yield run


def test_llama_cpp_answers_with_a_sentence(models: Path, start: Start) -> None:
    command = ["--model", "/models/tiny.gguf", "--alias", "tiny", "--threads", "1", "--ctx-size", "4096"]
    assert_answers(start(Component("llamacpp"), 8080, command, seconds=30))


def test_llama_cpp_embeds(models: Path, start: Start) -> None:
    command = ["--model", "/models/embed.gguf", "--embeddings", "--threads", "1", "--ctx-size", "2048"]
    address = start(Component("llamacpp"), 8080, command, seconds=30)
    answer = requests.post(f"{address}/v1/embeddings", json={"input": "hello", "model": "embed"}, timeout=30).json()
    assert len(answer["data"][0]["embedding"]) == 64


def test_vllm_answers_with_a_sentence(models: Path, start: Start) -> None:
    command = ["--model", "/models/tiny", "--served-model-name", "tiny", "--max-model-len", "2048", "--enforce-eager"]
    offline = {"HF_HUB_OFFLINE": "1"}
    assert_answers(start(Component("vllm_cpu"), 8000, command, seconds=180, environment=offline, mem_limit="6g"))


def test_open_webui_starts_by_the_script_that_its_own_image_has(start: Start) -> None:
    environment = {"OFFLINE_MODE": "true", "ENABLE_OLLAMA_API": "false", "RAG_EMBEDDING_ENGINE": "openai"}
    command = ["bash", "-c", "command -v curl jq >/dev/null && cd /app/backend && exec bash start.sh"]
    address = start(Component("webui"), 8080, command, seconds=120, environment=environment)
    assert requests.get(f"{address}/api/version", timeout=10).json() == {"version": "0.12.4", "deployment_id": ""}


def assert_answers(address: str) -> None:
    """Printable text of some length that ends by itself, at any temperature."""
    for temperature in (0, 0.8, 1):
        body = {
            "model": "tiny",
            "temperature": temperature,
            "max_tokens": 1500,
            "messages": [{"role": "user", "content": "What is 17 times 3?"}],
        }
        answer = requests.post(f"{address}/v1/chat/completions", json=body, timeout=60).json()
        text = answer["choices"][0]["message"]["content"]
        assert len(text) >= 2
        assert text.isascii()
        assert text.isprintable()
        assert text.endswith(".")
        assert answer["choices"][0]["finish_reason"] == "stop"
