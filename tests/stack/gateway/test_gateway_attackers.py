"""Many people behind one address, and one of them guesses keys: the others are served as before."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import GatewayConfig
from tests.unit.gateway_bed import Answer, Gateway

PEOPLE = tuple(f"person-{number}" for number in range(200))
GUESSES_MOST = 800  # more than are taken in a minute, even where a minute ends in between
SLOWER_MOST = 3  # the attacker's requests need the processor, too


@pytest.fixture
def room(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    people = tuple(Caller(who, (fingerprint(f"sk-{who}"),), ("stub",), limits=CallerLimits()) for who in PEOPLE)
    return start_gateway(replace(config, callers=people))


@pytest.mark.full("measures, and wants a machine to itself")
def test_200_good_clients_are_not_slowed_by_one_that_guesses(room: Gateway) -> None:
    def timed(who: str) -> tuple[int, float]:
        begin = time.monotonic()
        return room.chat(who).status, time.monotonic() - begin

    guesses: list[Answer] = []
    over = threading.Event()

    def guess() -> None:
        while not over.is_set() and len(guesses) < GUESSES_MOST:
            guesses.append(room.chat(f"nobody-{len(guesses)}"))

    with ThreadPoolExecutor(10) as pool, ThreadPoolExecutor(1) as attacker:
        alone = list(pool.map(timed, PEOPLE))
        attack = attacker.submit(guess)
        room.until(lambda: bool(guesses) and guesses[-1].status == 429, seconds=60)
        together = list(pool.map(timed, PEOPLE))
        over.set()
        attack.result()
    assert Counter(status for status, _ in alone + together) == {200: 400}
    assert {answer.status for answer in guesses} == {401, 429}
    last = guesses[-1]
    assert (last.status, last.error["code"]) == (429, "too_many_failed_attempts")
    assert 1 <= int(last.headers["retry-after"]) <= 60
    before, during = (statistics.median(seconds for _, seconds in times) for times in (alone, together))
    assert during < SLOWER_MOST * before
