"""Ollama's models pulled, made of files, and copied, by containers of a STAND-IN for Ollama, on this machine's engine."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import docker
import pytest
from docker import DockerClient

from orchestrator.engines.container import Fetch, Served
from orchestrator.engines.engine import Start
from orchestrator.engines.kinds.ollama import ENGINE
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.weights import Weights, look
from orchestrator.practice.gguf import write_gguf
from orchestrator.settings import Settings
from orchestrator.spec.models import Model
from orchestrator.spec.values import SecretReference
from orchestrator.state.deployed import DeployedHost
from orchestrator.workflow.weights.delivery import Delivered, Delivery, Parcel
from tests.fleet.bed.images import OLLAMA, build
from tests.fleet.bed.ollama_registry_stand_in import OllamaRegistryStandIn

pytestmark = pytest.mark.full(
    "whole models are pulled and copied; the way of a repository is in tests/unit/test_weights_scripts"
)


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "own.gguf"
    write_gguf(path, name="tiny")
    path.parent.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def registry(client: DockerClient, gguf: Path) -> Iterator[OllamaRegistryStandIn]:
    address = client.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway")
    with OllamaRegistryStandIn(address, {"tiny:1b": gguf.read_bytes()}).serving() as registry:
        yield registry


class Class:
    """Two hosts, which are two workshops' volumes of one engine: nothing else tells them apart."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self.names = {host: f"weights-{secrets.token_hex(3)}-{host}" for host in ("one", "two")}

    def weights(self, host: str, model: Model) -> Weights:
        return Weights(self.names[host], "d", _fetch(model), OLLAMA.tag)

    def bring(self, model: Model, *hosts: str) -> Delivered:
        parcel = Parcel(model.name, {host: self.weights(host, model) for host in hosts}, {})
        places = {host: threading.Semaphore(1) for host in self.names}
        fleet: dict[str, Machine] = {host: machine(host) for host in self.names}
        return Delivery(parcel, fleet, places, Settings(), lambda _: None, threading.Event()).bring()

    def holds(self, host: str, model: Model) -> tuple[str, ...]:
        return look(machine(host), self.weights(host, model), threading.Event()).files

    def shell(self, host: str, model: Model, script: str) -> str:
        """In a container with the volume of Ollama's models."""
        weights = self.weights(host, model)
        said: bytes = self.client.containers.run(
            weights.image,
            ["-c", script],
            entrypoint="/bin/sh",
            environment=_fetch(model).environment,
            volumes={weights.volume: {"bind": str(weights.path), "mode": "rw"}},
            network_mode="none",
            remove=True,
        )
        return said.decode()

    def has(self, host: str, model: Model) -> bool:
        """As its engine will see it."""
        ask = f"ollama serve & sleep 1; ollama show {_served(model).name} && echo there || true"
        return "there" in self.shell(host, model, ask)


def _served(model: Model) -> Served:
    return ENGINE.serve(model, Start(0, None, 1))


def _fetch(model: Model) -> Fetch:
    found = _served(model).fetch
    assert found
    return found


def machine(host: str) -> Machine:
    return Machine(DeployedHost(name=host, project="x", folder=PurePosixPath("/nowhere")), LocalChannel(host))


@pytest.fixture
def two(client: DockerClient, tmp_path: Path, registry: OllamaRegistryStandIn) -> Iterator[Class]:
    build([OLLAMA], tmp_path)
    registry.asked.clear()
    two = Class(client)
    yield two
    for name in two.names.values():
        for container in client.containers.list(all=True, filters={"label": f"workshop.name={name}"}):
            container.remove(force=True)
        for volume in client.volumes.list(filters={"label": f"workshop.name={name}"}):
            volume.remove(force=True)


def pulled(registry: OllamaRegistryStandIn, tag: str = "tiny:1b") -> Model:
    environment: dict[str, str | SecretReference] = {"OLLAMA_STAND_IN_REGISTRY": registry.endpoint}
    return Model(name="chat", engine="ollama", source=tag, environment=environment, fetch_timeout=60)


def made(source: Path) -> Model:
    return Model(name="own", engine="ollama", source=str(source), fetch_timeout=60)


def blobs(registry: OllamaRegistryStandIn) -> list[str]:
    return [path for path in registry.asked if "/blobs/" in path]


def test_a_model_is_pulled_once_and_copied_to_the_other_host(two: Class, registry: OllamaRegistryStandIn) -> None:
    model = pulled(registry)
    assert two.bring(model, "one", "two").came == {
        "one": "weights of chat: fetched (0.5 MB)",
        "two": "weights of chat: copied from one (0.5 MB)",
    }
    assert len(blobs(registry)) == 2  # weights and configuration
    assert two.holds("one", model) == two.holds("two", model)
    assert two.has("two", model)
    assert two.bring(model, "one", "two") == Delivered()
    assert len(registry.asked) == 3


def test_a_damaged_blob_is_not_copied_on(two: Class, registry: OllamaRegistryStandIn) -> None:
    model = pulled(registry)
    two.bring(model, "one")
    change = "printf x | dd of=$(find $OLLAMA_MODELS/blobs -size +100k) bs=1 seek=1000 conv=notrunc status=none"
    two.shell("one", model, change)
    assert two.bring(model, "one", "two").came == {"two": "weights of chat: fetched (0.5 MB)"}


def test_a_model_is_made_of_a_file_under_its_own_name(two: Class, gguf: Path) -> None:
    model = made(gguf)
    assert two.bring(model, "one").came == {"one": "weights of own: fetched (0.5 MB)"}
    assert two.has("one", model)
    assert "own/latest" in " ".join(two.holds("one", model))


def test_a_model_is_made_of_a_folder_with_a_modelfile(two: Class, gguf: Path) -> None:
    (gguf.parent / "Modelfile").write_text("FROM ./own.gguf\nPARAMETER num_ctx 512\n")
    model = made(gguf.parent)
    assert two.bring(model, "one", "two").came["two"] == "weights of own: copied from one (0.5 MB)"
    assert two.has("two", model)


def test_what_cannot_be_had_is_one_clear_line(two: Class, registry: OllamaRegistryStandIn, tmp_path: Path) -> None:
    failed = two.bring(pulled(registry, "unheard-of:1b"), "one").failed
    assert failed == {"one": "ollama pull unheard-of:1b: Error: pull model manifest: file does not exist"}
    absent = two.bring(made(tmp_path / "absent.gguf"), "one").failed["one"]
    assert "absent.gguf" in absent
    tmp_path.chmod(0o755)
    other = tmp_path / "other.gguf"
    other.write_bytes(b"nothing of the kind")
    assert two.bring(made(other), "one").failed == {"one": "ollama create own: Error: invalid file magic"}
