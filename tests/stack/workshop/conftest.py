"""The workshops that the tests of this folder look at; bed.py says what one is."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
import pytest
from playwright.sync_api import Browser

from tests.stack.workshop.bed import Provisioned, Watch, Workshop, free_port, hostile_people, llama
from tests.stack.workshop.page_bed import chromium
from tests.stack.workshop.provider_stand_in import Provider


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@contextmanager
def workshops(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Workshop]]:
    """All that were made are removed at the end."""
    made: list[Workshop] = []

    def make(kind: str, **sections: Any) -> Workshop:
        spec: dict[str, Any] = {
            "name": f"stacktest-{kind}-{secrets.token_hex(3)}",
            "title": "Stack test",
            "public": {"host": "127.0.0.1"},
            "participants": {"count": 2},
            "models": [llama("tiny")],
            "gateway": {"port": free_port()},
            "webui": {"mode": "none"},
            "practice": True,
        }
        spec |= sections
        spec["webui"] = {"port": free_port(), **spec["webui"]}
        made.append(Workshop(tmp_path_factory.mktemp(kind), spec, engine))
        return made[-1]

    yield make
    for workshop in made:
        workshop.remove()


@pytest.fixture(scope="module")
def make_workshop(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Workshop]]:
    """A workshop of two people on free ports, and what the keywords say; not provisioned yet.

    They go with their module: Docker has addresses for some thirty networks at once.
    """
    with workshops(engine, tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Skips where there is none."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def provider(engine: docker.DockerClient) -> Iterator[Provider]:
    """On the address by which containers reach this machine."""
    (bridge,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    server = Provider(bridge["Gateway"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.finish.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def make_shared(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Workshop]]:
    """The same, for as long as the tests run."""
    with workshops(engine, tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="session")
def first(make_shared: Callable[..., Workshop]) -> Provisioned:
    """Everything that practice mode has: several engines, replicas, a team, hostile names, a spare seat."""
    workshop = make_shared(
        "main",
        title='Stack "test" {{7*7}} $HOME',
        participants={"roster": "people.csv", "spare": 1},
        models=[
            llama("tiny-chat", replicas=2),
            {"name": "qwen2.5-7b", "engine": "vllm", "source": "Qwen/Qwen2.5-7B-Instruct"},
            {"name": "llama3.2", "engine": "ollama", "source": "llama3.2:3b"},
            llama("staff-model", teams=["staff"]),
        ],
        limits={"requests_per_minute": 1000, "concurrent_requests": 10},
        webui={"mode": "shared"},
    )
    workshop.roster(*hostile_people())
    with Watch(workshop) as watch:
        document = workshop.provision()
    return Provisioned(workshop, document, watch)


@pytest.fixture(scope="session")
def main(first: Provisioned) -> Workshop:
    return first.workshop
