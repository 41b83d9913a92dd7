"""Real engines that can't start: each ends by itself, and its own last words name the cause. No time limit has to run out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.checks.last_words import LINES, last_words
from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.spec.components import Component
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("each starts a real engine; tests/unit/test_last_words has their logs")

SECONDS = 180.0  # vLLM takes half a minute to get as far as its model
VLLM = ("--served-model-name", "m", "--enforce-eager", "--max-model-len", "2048")
TINY = ("--model", "/models/tiny")
SMALL = {  # as orchestrator.engines.kinds.vllm starts it in practice mode
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "HF_HUB_OFFLINE": "1",
}
LLAMA = ("--model", "/models/tiny.gguf", "--ctx-size", "512")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_checkpoint(folder / "tiny", name="tiny")
    write_checkpoint(folder / "cut", name="tiny")
    weights = folder / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5000])
    write_checkpoint(folder / "odd", name="tiny")
    config = folder / "odd" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "architectures": ["NobodysForCausalLM"]}))
    write_checkpoint(folder / "mute", name="tiny")
    tokenizer = folder / "mute" / "tokenizer_config.json"
    without = {key: value for key, value in json.loads(tokenizer.read_text()).items() if key != "chat_template"}
    tokenizer.write_text(json.dumps(without))
    (folder / "mute" / "chat_template.jinja").unlink(missing_ok=True)
    write_gguf(folder / "tiny.gguf", name="tiny")
    (folder / "cut.gguf").write_bytes((folder / "tiny.gguf").read_bytes()[:-100_000])
    return folder


Start = Callable[..., tuple[dict[str, Any], str | None]]


@pytest.fixture
def ended(run_container: Callable[..., Any], packaged: Callable[[Component], str], models: Path) -> Start:
    """How a container of this image ended with these words: its state, and its last words."""

    def run(component: str, *words: str, **options: Any) -> tuple[dict[str, Any], str | None]:
        volumes = {str(models): {"bind": "/models", "mode": "ro"}}
        container = run_container(packaged(Component(component)), list(words), "m", volumes=volumes, **options)

        def over() -> dict[str, Any] | None:
            container.reload()
            state: dict[str, Any] = container.attrs["State"]
            return None if state["Running"] else state

        state = eventually(over, SECONDS)
        return state, last_words(container.logs(timestamps=True, tail=LINES).decode(errors="replace"))

    return run


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param(("--mistake", "1"), "--mistake", id="an argument that it does not know"),
        pytest.param(("--enable-auto-tool-choice", "--tool-call-parser", "nobodys"), "nobodys", id="a wrong parser"),
        pytest.param(("--reasoning-parser", "nobodys"), "nobodys", id="a wrong parser of reasoning"),
        pytest.param(
            ("--model", "/models/tiny", "--max-model-len", "9000000"),
            "max_model_len",
            id="a context that the model does not have",
        ),
        pytest.param(("--model", "/models/cut"), "safetensor", id="weights that were cut off"),
        pytest.param(("--model", "/models/odd"), "NobodysForCausalLM", id="an architecture that it does not know"),
        pytest.param(("--chat-template", "/models/none.jinja"), "none.jinja", id="a chat template that is not there"),
    ],
)
def test_vllm_says_why_it_does_not_start(ended: Start, more: tuple[str, ...], told: str) -> None:
    model = () if "--model" in more else TINY
    state, words = ended("vllm_cpu", *model, *VLLM, *more, environment=SMALL, shm_size="1g", mem_limit="6g")
    assert state["ExitCode"] != 0
    assert told.lower() in (words or "").lower(), words


def test_vllm_without_room_for_its_model_is_told(ended: Start) -> None:
    """The cache that one request of full length takes is more than it was given."""
    long = {**SMALL, "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}
    words = ended(
        "vllm_cpu", *TINY, *VLLM, "--max-model-len", "3000000", environment=long, shm_size="1g", mem_limit="6g"
    )[1]
    assert "KV cache" in (words or ""), words


CHAT = """
import json, urllib.error, urllib.request
body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
headers = {"Content-Type": "application/json"}
asked = urllib.request.Request("http://127.0.0.1:8000/v1/chat/completions", json.dumps(body).encode(), headers)
try:
    print(urllib.request.urlopen(asked).status)
except urllib.error.HTTPError as refused:
    print(refused.code, refused.read().decode())
"""


def test_a_model_without_a_chat_template_starts_and_the_first_question_names_it(
    run_container: Callable[..., Any], packaged: Callable[[Component], str], models: Path
) -> None:
    """`verify`, which ends every `provision`, asks it."""
    volumes = {str(models): {"bind": "/models", "mode": "ro"}}
    words = ["--model", "/models/mute", *VLLM, "--host", "127.0.0.1", "--port", "8000"]
    image = packaged(Component("vllm_cpu"))
    container = run_container(image, words, "mute", volumes=volumes, environment=SMALL, shm_size="1g", mem_limit="6g")
    healthy = ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8000/health"]
    eventually(lambda: container.exec_run(healthy).exit_code == 0 or None, SECONDS)
    said = container.exec_run(["python3", "-c", CHAT]).output.decode()
    assert said.startswith("400 "), said
    assert "chat template" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param((*LLAMA, "--mistake"), "--mistake", id="an argument that it does not know"),
        pytest.param(("--model", "/models/none.gguf"), "none.gguf", id="a file that is not there"),
        pytest.param(("--model", "/models/cut.gguf"), "load", id="weights that were cut off"),
        pytest.param(
            (*LLAMA, "--chat-template-file", "/models/none.jinja"), "none.jinja", id="a template that is not there"
        ),
    ],
)
def test_llamacpp_says_why_it_does_not_start(ended: Start, words: tuple[str, ...], told: str) -> None:
    state, said = ended("llamacpp", *words)
    assert state["ExitCode"] != 0
    assert told in (said or ""), said


@pytest.mark.parametrize(("component", "words"), [("vllm_cpu", (*TINY, *VLLM)), ("llamacpp", LLAMA)])
def test_an_engine_that_is_too_large_for_its_memory_is_said_to_be(
    ended: Start, component: str, words: tuple[str, ...]
) -> None:
    limit = {"vllm_cpu": "300m", "llamacpp": "8m"}[component]
    state, _ = ended(component, *words, mem_limit=limit, memswap_limit=limit)
    assert state["OOMKilled"] or state["ExitCode"] == 137
