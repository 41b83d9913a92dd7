"""A small class for the checks that look from inside: gateway, one real engine, and a container in Open WebUI's place.

The networks are those of compose/stack.yaml.j2. The container in Open WebUI's place is the gateway's image, idle: what
is asked is where packets go, not what Open WebUI does.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from orchestrator.checks.subject import EngineUnderTest
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.plan.gateway import API_PORT, CONFIG_DIR, GatewayConfig, start_command
from orchestrator.practice.gguf import write_gguf
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.components import Component

LABELS = {"workshop.test": "1"}
Run = Callable[..., Any]


@dataclass(frozen=True)
class Room:
    """`front` and `engines` are its networks."""

    docker: DockerHost
    front: Any
    engines: Any
    gateway: Any
    webui: Any
    engine: Any
    run: Run

    @property
    def under_test(self) -> EngineUnderTest:
        return EngineUnderTest("engine", 8080, self.engine.id)


@pytest.fixture(scope="session")
def engine_room() -> Iterator[DockerHost]:
    client = docker.from_env()
    yield DockerHost(client, "here")
    client.close()


@pytest.fixture(scope="session")
def room(
    engine_room: DockerHost, packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    client, name = engine_room.client, f"checks-test-{secrets.token_hex(4)}"
    front = client.networks.create(f"{name}-front", labels=LABELS)
    engines = client.networks.create(f"{name}-engines", internal=True, labels=LABELS)
    started = []

    def run(image: str, command: list[str], alias: str, *networks: Any, **options: Any) -> Any:
        container = client.containers.create(image, command, labels=LABELS, network=networks[0].name, **options)
        started.append(container)
        networks[0].disconnect(container)  # `create` gives it no alias there
        for network in networks:
            network.connect(container, aliases=[alias])
        container.start()
        container.reload()
        return container

    models, config = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("gateway")
    write_gguf(models / "tiny.gguf", name="tiny")
    write_gguf(models / "embedding.gguf", name="embedding", embedding=True)
    for file, text in render_gateway(GatewayConfig("checks", "Checks", (), (), ())).items():
        (config / file).write_text(text, encoding="utf-8")
    gateway_image, engine_image = packaged(Component("gateway")), packaged(Component("llamacpp"))
    engine = run(engine_image, llama("tiny"), "engine", engines, volumes=[f"{models}:/models:ro"])
    gateway = run(
        gateway_image,
        start_command(),
        "gateway",
        front,
        engines,
        volumes=[f"{config}:{CONFIG_DIR}:ro"],
        ports={f"{API_PORT}/tcp": ("127.0.0.1", None)},
    )
    webui = run(gateway_image, ["sleep", "600"], "webui", front)

    def run_engine(
        alias: str, *arguments: str, model: str = "tiny", on: tuple[Any, ...] = (engines,), **options: Any
    ) -> Any:
        command = llama(model, *arguments)
        return healthy(run(engine_image, command, alias, *on, volumes=[f"{models}:/models:ro"], **options))

    healthy(engine)
    yield Room(engine_room, front, engines, gateway, webui, engine, run_engine)
    for container in started:
        container.remove(force=True, v=True)
    for network in (front, engines):
        network.remove()


def llama(model: str, *arguments: str) -> list[str]:
    settings = [
        "--model",
        f"/models/{model}.gguf",
        "--alias",
        model,
        "--threads",
        "1",
        "--ctx-size",
        "512",
        "--host",
        "0.0.0.0",  # noqa: S104 - inside its network
    ]
    return [*settings, *arguments]


def healthy(container: Any) -> Any:
    end = time.monotonic() + 30
    while container.exec_run(["curl", "-fs", "-o", "/dev/null", "http://127.0.0.1:8080/health"]).exit_code != 0:
        assert time.monotonic() < end, container.logs().decode()
        time.sleep(0.1)
    return container
