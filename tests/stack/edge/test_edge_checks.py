"""What checks find when they ask engines of other hosts, from inside the gateway's container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import docker
import pytest
from edge_bed import WANTED, Bed

from orchestrator.checks.inside import way_to
from orchestrator.checks.readiness import ask_all, first_answer
from orchestrator.checks.rehearsal.queues import Engines
from orchestrator.checks.rehearsal.values import Backend as Watched
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.plan.deployment import Backend
from orchestrator.render.edge import Credentials, EdgeCredentials, gateway_files
from orchestrator.render.files import write_tree
from orchestrator.tls.edges import KeptEdges, issue_edges


@pytest.fixture(scope="module")
def here() -> Iterator[DockerHost]:
    client = docker.from_env()
    yield DockerHost(client, "here")
    client.close()


@pytest.fixture(scope="module")
def gateway(bed: Bed) -> str:
    """Its container."""
    return bed.compose("front", "ps", "--quiet", "gateway").strip()


def backend(bed: Bed, name: str) -> Backend:
    return next(one for host in ("one", "two") for one in bed.on(host) if one.service == name)


def test_every_engine_answers_a_first_question_through_its_edge(bed: Bed, here: DockerHost, gateway: str) -> None:
    every = [*bed.on("one"), *bed.on("two")]
    assert len(every) == 4
    assert ask_all(here, gateway, every, seconds=30) == {}


def test_queues_are_read_through_edges(bed: Bed, here: DockerHost, gateway: str) -> None:
    ways = [(name, way_to(backend(bed, name).server, "/metrics")) for name in ("model-pair-2", "model-llama-1")]
    engines = Engines(here, gateway, [Watched(name, name, "x", way.url, way.options) for name, way in ways])
    assert [(glance.backend, glance.waiting) for glance in engines.look(0)] == [("model-llama-1", 0)]


@contextmanager
def shown(bed: Bed, credentials: EdgeCredentials) -> Iterator[None]:
    """The gateway's container has these instead."""
    files, folder = bed.files["front"], bed.folder / "front"
    other = {f"gateway/{name}": file for name, file in gateway_files(credentials).items()}
    write_tree(folder, {**files, **other})
    try:
        yield
    finally:
        write_tree(folder, files)


def test_what_is_wrong_with_an_edge_is_told_in_words(bed: Bed, here: DockerHost, gateway: str) -> None:
    one, strangers = backend(bed, "model-pair-1"), issue_edges(WANTED, KeptEdges())
    own = bed.credentials

    def told(server: Backend = one) -> str | None:
        return first_answer(here, gateway, server, seconds=5)

    stranger = Credentials(strangers.gateway.certificate_pem, strangers.gateway.key_pem)
    with shown(bed, replace(own, gateway=stranger)):
        assert told() == ("a first question was answered with 403: Only the workshop's gateway is answered here.")
    with shown(bed, replace(own, authority=strangers.authority.certificate_pem)):
        assert told() == "the edge of its host shows a certificate that is not this workshop's"
    with shown(bed, replace(own, gateway=Credentials(b"", b""))):
        assert told() == "the gateway's certificate for edges is missing or damaged"
    assert one.edge
    assert str(told(replace(one, service="model-none-1"))).startswith(
        "the edge of its host did not take the connection"
    )
    assert told(replace(one, edge=replace(one.edge, port=9))) == "the connection was refused"
    assert told() is None


def test_an_engine_that_is_gone_behind_its_edge_is_silent(bed: Bed, here: DockerHost, gateway: str) -> None:
    bed.compose("one", "kill", "model-pair-1")
    try:
        silent = first_answer(here, gateway, backend(bed, "model-pair-1"), seconds=10)
        assert silent == "the connection broke off"
    finally:
        bed.compose("one", "start", "model-pair-1")
