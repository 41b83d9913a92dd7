"""What verify and provision learn from inside real containers: who answers whom, and who must not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from orchestrator.checks import isolation
from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.check import Check
from orchestrator.checks.readiness import ask_all, first_answer
from orchestrator.checks.runner import side_by_side
from orchestrator.checks.subject import EngineUnderTest, Subject
from orchestrator.checks.trust import authorities
from orchestrator.engines.container import Container
from orchestrator.plan.deployment import Backend
from orchestrator.plan.gateway import Window
from orchestrator.redaction.redactor import Redactor
from orchestrator.spec.components import Component

if TYPE_CHECKING:
    from tests.stack.checks.conftest import Room


def backend(service: str = "engine", port: int = 8080) -> Backend:
    container = Container(Component("llamacpp"), port)
    return Backend(service, "tiny", "llamacpp", 1, "here", container, served_name="tiny")


def given(room: Room) -> Subject:
    return Subject(
        api=f"http://127.0.0.1:{room.gateway.ports['8080/tcp'][0]['HostPort']}",
        webui=None,
        models=(),
        verifiers=(),
        removed=SecretStr("nobody's"),
        now=0,
        window=Window(),
        docker=room.docker,
        gateway_container=room.gateway.id,
        webui_container=room.webui.id,
        engines=(room.under_test,),
    )


def ask(subject: Subject) -> tuple[Check, ...]:
    outside = Server(isolation.admin_address(subject.api), authorities(None), Patience(connect=1, look=1))
    return tuple(side_by_side(tuple(isolation.lanes(subject, outside)), Redactor(()), workers=2))


def wrong(checks: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(check.name, check.target) for check in checks if not check.ok]


def test_a_class_as_it_must_be_has_nothing_red(room: Room) -> None:
    checks = ask(given(room))

    assert wrong(checks) == []
    assert len(checks) == 7


def test_an_engine_that_publishes_a_port_is_seen(room: Room) -> None:
    open_ = room.run("engine-published", ports={"8080/tcp": ("127.0.0.1", None)}, on=(room.front,))
    port = open_.ports["8080/tcp"][0]["HostPort"]

    engine = EngineUnderTest("engine-published", 8080, open_.id)
    checks = ask(replace(given(room), engines=(engine,), webui_container=None))

    assert wrong(checks) == [("Ports on the host", "engine engine-published")]
    assert f"127.0.0.1:{port}" in next(check.got for check in checks if not check.ok)


def test_a_gateway_that_publishes_more_than_it_should_is_seen(room: Room) -> None:
    open_ = room.run("gateway-published", ports={"9000/tcp": ("127.0.0.1", None)}, on=(room.front,))

    checks = ask(replace(given(room), gateway_container=open_.id))

    assert wrong(checks) == [("Ports on the host", "gateway")]


def test_an_engine_that_open_webui_can_reach_by_name_is_seen(room: Room) -> None:
    near = room.run("engine-near", on=(room.front,))

    checks = ask(replace(given(room), engines=(EngineUnderTest("engine-near", 8080, near.id),)))

    assert wrong(checks) == [("From inside Open WebUI", "engine engine-near")]
    assert "answered" in next(check.got for check in checks if not check.ok)


def test_an_engine_that_open_webui_can_reach_by_number_only_is_seen(room: Room) -> None:
    hidden = room.run("engine-hidden", on=(room.front,))

    checks = ask(replace(given(room), engines=(EngineUnderTest("another-name", 8080, hidden.id),)))

    assert wrong(checks) == [("From inside Open WebUI", "engine another-name")]


def test_a_container_without_any_network_proves_nothing(room: Room) -> None:
    blind = room.docker.client.containers.run(
        room.gateway.image.id, ["sleep", "600"], network_mode="none", detach=True, labels={"workshop.test": "1"}
    )
    try:
        checks = ask(replace(given(room), webui_container=blind.id))
    finally:
        blind.remove(force=True)

    assert wrong(checks) == [("From inside Open WebUI", "gateway")]


def test_a_container_that_is_not_there_proves_nothing(room: Room) -> None:
    checks = ask(replace(given(room), webui_container="no-such-container"))

    assert [name for name, _ in wrong(checks)] == ["Ports on the host", *["From inside Open WebUI"] * 3]
    assert all("No such container" in check.got for check in checks if not check.ok)


def test_an_engine_answers_its_first_question(room: Room) -> None:
    assert first_answer(room.docker, room.gateway.id, backend(), seconds=30) is None


def test_a_model_that_only_embeds_is_ready_when_it_embeds(room: Room) -> None:
    room.run("engine-embeds", "--embeddings", model="embedding")

    assert first_answer(room.docker, room.gateway.id, backend("engine-embeds"), seconds=30) is None


def test_engines_that_do_not_answer_are_named_with_the_reason(room: Room) -> None:
    hole: Any = room.gateway  # its API answers every path with an error of its own
    backends = (backend(), backend("nobody"), backend("engine", 9), backend("gateway"))

    silent = ask_all(room.docker, hole.id, backends[1:], seconds=5)

    assert silent["nobody"] == "its name is not known on the engines network"
    assert silent["engine"] == "the connection was refused"
    assert silent["gateway"].startswith("a first question was answered with 401")
    assert ask_all(room.docker, room.gateway.id, backends[:1], seconds=5) == {}


def test_an_engine_that_hangs_is_waited_for_so_long_and_no_longer(room: Room) -> None:
    room.engine.pause()
    try:
        began = time.monotonic()
        why = first_answer(room.docker, room.gateway.id, backend(), seconds=1)
        assert time.monotonic() - began < 5
    finally:
        room.engine.unpause()

    assert why == "it did not answer a first question within 1 seconds"
