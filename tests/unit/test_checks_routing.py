"""After engines were started the program waits until the gateway has found them, and not for ever."""

from __future__ import annotations

import time

from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.routing import wait_until_routed
from orchestrator.checks.trust import authorities
from tests.unit.checks_stub import ANSWER, Asked, Reply, StubGateway, error, key_of, serving

QUICK = Patience(connect=0.5, look=1, answer=1)


class Finds(StubGateway):
    """Has no server for a model until it was asked a few times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.asked, self.after = 0, after

    def answer(self, asked: Asked) -> Reply:
        self.asked += 1
        return error(503, "model_unavailable") if self.asked <= self.after else Reply(200, ANSWER)


def wait(url: str, seconds: float) -> None:
    wait_until_routed(Server(url, authorities(None), QUICK), {"a": key_of("_verify")}, ["a"], seconds=seconds)


def test_it_asks_until_the_model_is_found() -> None:
    with serving(found := Finds(after=2)) as server:
        wait(server.url, seconds=10)

    assert found.asked == 3


def test_it_gives_up() -> None:
    begun = time.monotonic()
    with serving(found := Finds(after=1000)) as server:
        wait(server.url, seconds=0.5)

    assert 1 < found.asked < 10
    assert time.monotonic() - begun < 5


def test_a_gateway_that_is_not_there_is_not_waited_for() -> None:
    begun = time.monotonic()
    wait("http://127.0.0.1:9", seconds=30)

    assert time.monotonic() - begun < 5
