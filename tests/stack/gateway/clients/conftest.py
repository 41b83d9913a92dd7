"""A gateway for other people's clients: real llama.cpp behind it, and Ollama's stand-in where its own routes are asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from orchestrator.practice.gguf import write_gguf
from orchestrator.spec.components import Component
from tests.unit.eventually import eventually
from tests.unit.gateway_bed import START_SECONDS, Gateway

CHAT, EMBEDDINGS, OLLAMA, OLLAMA_EMBEDDINGS = "tiny-chat", "tiny-embedder", "llama3.2", "nomic-embed"
STAND_IN = Path(__file__).parents[2] / "workshop" / "ollama_stand_in" / "ollama.py"
PUT_MODELS = """
import hashlib, json, sys, urllib.request
def post(path, body):
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:11434/api/" + path, body), timeout=10).read()
weights = b"GGUF"
digest = "sha256:" + hashlib.sha256(weights).hexdigest()
post("blobs/" + digest, weights)
for name in sys.argv[1:]:
    post("create", json.dumps({"model": name, "files": {"model.gguf": digest}}).encode())
"""


@pytest.fixture(scope="session")
def embedder(
    run_container: Callable[..., Any], packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory
) -> Server:
    """A real llama-server that makes embeddings, which one for chat does not."""
    folder = tmp_path_factory.mktemp("embedder")
    write_gguf(folder / "tiny.gguf", name="tiny")
    settings = ["--model", "/models/tiny.gguf", "--threads", "1", "--embeddings", "--pooling", "mean"]
    mounted = {str(folder): {"bind": "/models", "mode": "ro"}}
    container = run_container(packaged(Component("llamacpp")), settings, "embedder", keep=True, volumes=mounted)
    eventually(partial(_succeeds, container, "curl", "-fsS", "http://127.0.0.1:8080/health"), START_SECONDS)
    return Server("embedder", 8080)


@pytest.fixture(scope="session")
def ollama_stand_in(run_container: Callable[..., Any], packaged: Callable[[Component], str]) -> Server:
    """A STAND-IN for Ollama, with two models in it; tests/stack/workshop/test_workshop_ollama.py can ask a real one."""
    container = run_container(
        packaged(Component("webui")),  # for its Python
        ["python3", "-u", "/ollama.py", "serve"],
        "ollama-stand-in",
        keep=True,
        environment={"OLLAMA_HOST": "0.0.0.0:11434"},
        volumes={str(STAND_IN): {"bind": "/ollama.py", "mode": "ro"}},
        stop_signal="SIGKILL",
    )
    eventually(partial(_succeeds, container, "python3", "-c", PUT_MODELS, OLLAMA, OLLAMA_EMBEDDINGS), START_SECONDS)
    return Server("ollama-stand-in", 11434)


@pytest.fixture(scope="session")
def open_gateway(
    start_gateway: Callable[..., Gateway],
    llamas: tuple[str, str],
    embedder: Server,
    ollama_stand_in: Server,
) -> Gateway:
    """Callers are named after what becomes of their requests; `ada` may use everything."""
    upstreams = (
        Upstream("chat", tuple(Server(name, 8080) for name in llamas), "tiny-llama"),
        Upstream("embeddings", (embedder,), "tiny"),
        Upstream("ollama", (ollama_stand_in,), OLLAMA),
        Upstream("ollama-embeddings", (ollama_stand_in,), OLLAMA_EMBEDDINGS),
    )
    models = (
        RoutedModel(CHAT, ("chat",), "llamacpp"),
        RoutedModel(EMBEDDINGS, ("embeddings",), "llamacpp"),
        RoutedModel(OLLAMA, ("ollama",), "ollama", ollama=True),
        RoutedModel(OLLAMA_EMBEDDINGS, ("ollama-embeddings",), "ollama", ollama=True),
    )
    names = tuple(model.name for model in models)
    return start_gateway(
        GatewayConfig(
            workshop="clients",
            title="Clients",
            callers=(
                _caller("ada", *names),
                _caller("one-a-minute", CHAT, limits=CallerLimits(requests_per_minute=1)),
                _caller("spent", CHAT, limits=CallerLimits(token_budget=1)),
            ),
            models=models,
            upstreams=upstreams,
        ),
        keep=True,
    )


@pytest.fixture(scope="session")
def base(open_gateway: Gateway) -> str:
    """Without a path. `spent` has used up what it had."""
    assert open_gateway.chat("spent", CHAT).status == 200
    return f"http://127.0.0.1:{open_gateway.port()}"


@pytest.fixture(scope="session")
def asked(open_gateway: Gateway) -> Callable[[str], int]:
    """How many requests of somebody were answered or refused so far."""

    def count(who: str) -> int:
        return sum(line["participant"] == who for line in open_gateway.log())

    return count


@pytest.fixture(scope="module")
def spent_before(base: str, asked: Callable[[str], int]) -> int:
    """Requests of `spent` before the module's client made its own."""
    return asked("spent")


def _caller(who: str, *models: str, **other: Any) -> Caller:
    return Caller(id=who, key_hashes=(fingerprint(f"sk-{who}"),), models=models, **other)


def _succeeds(container: Any, *command: str) -> bool | None:
    return container.exec_run(list(command)).exit_code == 0 or None
