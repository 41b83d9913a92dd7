"""The gateway's counters, looked for from outside, and what may be open on its host."""

from typing import Any

import pytest

from orchestrator.checks import isolation
from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.check import Check
from orchestrator.checks.runner import ask
from orchestrator.checks.trust import authorities
from orchestrator.redaction.redactor import Redactor
from tests.unit.checks_stub import Reply, StubGateway, serving, subject

COUNTERS = Reply(200, {"p01": {"tokens": 12, "in_flight": 0}})


def look(url: str) -> Check:
    ((question,),) = isolation.lanes(subject("http://127.0.0.1:1"), Server(url, authorities(None), Patience(1, 1, 1)))
    return ask(question, Redactor(()))


def test_counters_that_anybody_can_read_are_seen() -> None:
    with serving(StubGateway(overrides=[lambda _: COUNTERS])) as server:
        check = look(server.url)

    assert (check.ok, check.got) == (False, "the counters")


@pytest.mark.parametrize("reply", [Reply(200, "<html>", "text/html"), Reply(404, {"error": "x"}), Reply(200, [])])
def test_somebody_elses_server_on_that_port_is_no_fault(reply: Reply) -> None:
    with serving(StubGateway(overrides=[lambda _: reply])) as server:
        assert look(server.url).ok


def test_nobody_there_is_as_it_must_be() -> None:
    assert look("http://127.0.0.1:1").ok


@pytest.mark.parametrize(
    ("api", "admin"),
    [
        ("https://llm.example.org", "http://llm.example.org:9000"),
        ("http://192.168.1.5:8080", "http://192.168.1.5:9000"),
        ("http://[fd00::5]:8080", "http://[fd00::5]:9000"),
    ],
)
def test_the_port_is_looked_for_where_participants_find_the_gateway(api: str, admin: str) -> None:
    assert isolation.admin_address(api) == admin


def inspected(ports: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    return {"HostConfig": {"NetworkMode": "x", "PortBindings": ports}, "NetworkSettings": {"Ports": ports}}


@pytest.mark.parametrize(
    ("address", "found"),
    [("127.0.0.1", []), ("", ["9001/tcp as *:9100"]), ("0.0.0.0", ["9001/tcp as 0.0.0.0:9100"])],  # noqa: S104
)
def test_metrics_may_be_open_to_the_host_itself_and_to_nobody_else(address: str, found: list[str]) -> None:
    container = inspected({"9001/tcp": [{"HostIp": address, "HostPort": "9100"}]})
    assert isolation.published_ports(container) == found
