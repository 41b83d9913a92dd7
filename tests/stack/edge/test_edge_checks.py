"""What checks find when they ask engines of other hosts, from inside the gateway's container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import docker
import pytest
from pydantic import SecretStr

from orchestrator.checks import isolation
from orchestrator.checks.asking import Patience
from orchestrator.checks.asking import Server as OverHttp
from orchestrator.checks.check import Check
from orchestrator.checks.inside import way_to
from orchestrator.checks.readiness import ask_all, first_answer
from orchestrator.checks.rehearsal.queues import Engines
from orchestrator.checks.rehearsal.values import Backend as Watched
from orchestrator.checks.runner import side_by_side
from orchestrator.checks.subject import EdgeUnderTest, EngineUnderTest, Subject
from orchestrator.checks.trust import authorities
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.plan.deployment import Backend
from orchestrator.plan.gateway import INTERNAL_PORT, Server, Window
from orchestrator.redaction.redactor import Redactor
from orchestrator.render.edge import Credentials, EdgeCredentials, gateway_files
from orchestrator.render.files import write_tree
from orchestrator.tls.edges import KeptEdges, issue_edges
from tests.stack.edge.bed import WANTED, Bed


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


def isolated(bed: Bed, here: DockerHost, gateway: str, asked: Server) -> dict[tuple[str, str], Check]:
    """What `verify` finds of the host `one`; the gateway's container stands for Open WebUI's."""
    containers = {name: bed.compose("one", "ps", "--quiet", name).strip() for name in ("edge", "model-pair-1")}
    subject = Subject(
        api=f"http://127.0.0.1:{bed.ports['front']}",
        webui=None,
        models=(),
        verifiers=(),
        removed=SecretStr("nobody's"),
        now=0,
        window=Window(),
        docker=here,
        webui_container=gateway,
        engines=(EngineUnderTest("model-pair-1", 8000, containers["model-pair-1"], here),),
        edges=(EdgeUnderTest("one", containers["edge"], here, asked),),
    )
    outside = OverHttp(isolation.admin_address(subject.api), authorities(None), Patience(connect=1, look=1))
    checks = side_by_side(tuple(isolation.lanes(subject, outside)), Redactor(()), workers=2)
    return {(check.name, check.target): check for check in checks}


def test_verify_sees_that_an_edge_publishes_its_own_port_and_refuses_open_webui(
    bed: Bed, here: DockerHost, gateway: str
) -> None:
    found = isolated(bed, here, gateway, backend(bed, "model-pair-1").server)
    assert found["Ports on the host", "edge of one"].ok
    assert found["Ports on the host", "engine model-pair-1"].ok
    refused = found["From inside Open WebUI", "edge of one"]
    assert (refused.ok, refused.got) == (True, "answered 403")


def test_verify_sees_an_edge_that_answers_anybody(bed: Bed, here: DockerHost, gateway: str) -> None:
    found = isolated(bed, here, gateway, Server("gateway", INTERNAL_PORT, health="/healthz"))
    answered = found["From inside Open WebUI", "edge of one"]
    assert (answered.ok, answered.got) == (False, "answered 200")


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
