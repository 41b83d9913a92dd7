"""What fails takes nothing else with it: backends, workers, nginx as a whole, and files that are wrong."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.identity.keys import fingerprint
from orchestrator.plan.gateway import CONFIG_DIR, GatewayConfig
from tests.unit.gateway_bed import Answer, Gateway

CONNECT_SECONDS = 2  # proxy_connect_timeout
WORKERS = (
    """for p in /proc/[0-9]*; do grep -aq '^nginx: worker' $p/cmdline && echo ${p#/proc/} $(ls $p/fd | wc -l); done"""
)
BUSIEST = f" ({WORKERS}) | sort -k2 -n | tail -1 | cut -d' ' -f1"


@pytest.fixture(scope="module")
def own(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    """One that may be killed."""
    return start_gateway(replace(config, revision=5))


def outcome(stream: Future[Answer]) -> str:
    """What became of a stream."""
    try:
        answer = stream.result()
    except (http.client.IncompleteRead, ConnectionError, http.client.RemoteDisconnected):
        return "cut"
    return "whole" if answer.status == 200 and answer.events[-1] == "[DONE]" else f"{answer.status}: {answer.text}"


def test_a_backend_that_dies_in_the_middle_of_a_stream_takes_no_other_with_it(gateway: Gateway) -> None:
    before = gateway.counters("bob")["tokens"]
    with ThreadPoolExecutor(11) as pool:
        others = [pool.submit(gateway.chat, stream=True, stub={"events": 10, "gap": 0.05}) for _ in range(10)]
        dying = pool.submit(gateway.chat, "bob", stream=True, stub={"events": 10, "gap": 0.05, "dies_after": 4})
        assert outcome(dying) == "cut"
        assert Counter(map(outcome, others)) == {"whole": 10}
    record = gateway.wait_for(lambda line: line["participant"] == "bob" and not line["complete"])
    assert (record["status"], record["estimated"], record["completion_tokens"]) == (200, True, 4)
    gateway.until(
        lambda: gateway.counters("bob")["tokens"] == before + record["prompt_tokens"] + record["completion_tokens"]
    )


def timed(gateway: Gateway, model: str) -> tuple[int, float]:
    begin = time.monotonic()
    return gateway.chat(model=model).status, time.monotonic() - begin


def test_a_backend_that_swallows_everything_costs_a_connect_timeout_at_most(own: Gateway) -> None:
    with ThreadPoolExecutor(20) as pool:
        hanging = [pool.submit(timed, own, "one-hangs") for _ in range(20)]
        others = [pool.submit(timed, own, "stub") for _ in range(20)]
        statuses = [answer.result()[0] for answer in (*hanging, *others)]
        worst = max(answer.result()[1] for answer in (*hanging, *others))
    assert Counter(statuses) == {200: 40}
    assert worst < CONNECT_SECONDS + 2  # and what this machine takes


def test_a_backend_that_is_somebody_else_is_not_told_the_providers_key(gateway: Gateway) -> None:
    def requests_over_tls() -> int:
        count: int = gateway.chat(model="trusted").json["over_tls"]
        return count

    before = requests_over_tls()
    answer = gateway.chat(model="untrusted")
    assert (answer.status, answer.error["code"]) == (503, "model_unavailable")
    assert requests_over_tls() == before + 1  # none in between: the handshake ended it
    gateway.until(lambda: b"SSL certificate does not match" in gateway.container.logs(stdout=False))


def in_flight(gateway: Gateway) -> tuple[int, int]:
    """As the limits and as the balance see it."""
    return gateway.counters("ada")["in_flight"], sum(each["in_flight"] for each in gateway.backends().values())


@pytest.mark.full("as after nginx was killed, which is for every day")
def test_a_killed_worker_loses_its_own_requests_and_no_others(own: Gateway) -> None:
    with ThreadPoolExecutor(20) as pool:
        streams = [pool.submit(own.chat, stream=True, stub={"events": 80, "gap": 0.1}) for _ in range(20)]
        own.until(lambda: in_flight(own) == (20, 20), seconds=5)
        own.run("sh", "-c", f"kill -9 $({BUSIEST})")
        killed = time.monotonic()
        while own.is_up() is None:
            assert time.monotonic() - killed < 5
        cut = 0

        def given_back() -> bool:
            nonlocal cut
            cut = sum(stream.done() for stream in streams)
            return cut > 0 and in_flight(own) == (20 - cut, 20 - cut)

        own.until(given_back, seconds=6)
        assert time.monotonic() - killed < 6
        assert Counter(map(outcome, streams)) == Counter({"cut": cut, "whole": 20 - cut})
    own.until(lambda: in_flight(own) == (0, 0))
    assert own.chat().status == 200


def test_nginx_that_was_killed_comes_back_with_its_counters_and_the_files_word(own: Gateway) -> None:
    own.post("/changes", {"revision": 6, "keys": {fingerprint("sk-bob"): None}})
    assert own.chat("bob").status == 401
    answer = own.chat("unbounded")
    own.record(answer)
    own.until(lambda: own.counters("unbounded")["tokens"] >= 20)
    counted = own.counters("unbounded")["tokens"]
    time.sleep(1.5)  # what the state may be behind
    with ThreadPoolExecutor(5) as pool:
        streams = [pool.submit(own.chat, stream=True, stub={"events": 50, "gap": 0.1}) for _ in range(5)]
        own.until(lambda: in_flight(own) == (5, 5))
        own.container.kill("SIGKILL")
        assert Counter(map(outcome, streams)) == {"cut": 5}
    own.container.start()
    own.container.reload()
    own.until(lambda: own.is_up() is True, seconds=20)
    assert own.counters("unbounded")["tokens"] == counted
    assert in_flight(own) == (0, 0)
    assert own.chat("bob").status == 200  # the file was not told that he was revoked


@pytest.mark.full("streams and reloads under load; test_gateway_reload has the usual reload")
def test_reloads_under_load_lose_nothing(own: Gateway, config: GatewayConfig) -> None:
    short: list[int] = []
    with ThreadPoolExecutor(24) as pool:
        streams = [pool.submit(own.chat, stream=True, stub={"events": 50, "gap": 0.1}) for _ in range(20)]
        own.until(lambda: in_flight(own)[0] == 20)

        def ask() -> None:
            while not all(stream.done() for stream in streams):
                short.append(own.chat("unbounded").status)

        asking = [pool.submit(ask) for _ in range(2)]
        for revision in (7, 8, 9):
            own.reload(replace(config, revision=revision))
            time.sleep(0.7)
        assert Counter(map(outcome, streams)) == {"whole": 20}
        for each in asking:
            each.result()
    assert set(short) == {200}
    assert len(short) > 20


@pytest.mark.parametrize("file", ["nginx.conf", "policy.json", "gateway.js", "limits.js"])
@pytest.mark.parametrize("text", ["{", ""])
def test_a_broken_file_leaves_the_old_rules_in_force(own: Gateway, config: GatewayConfig, file: str, text: str) -> None:
    """`nginx -s reload` refuses it, and so does nginx where it is told directly."""
    (own.folder / file).write_text(text, encoding="utf-8")
    code, _ = own.container.exec_run(["nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-s", "reload"])
    own.run("sh", "-c", "kill -HUP 1")
    time.sleep(0.5)
    try:
        statuses: list[Any] = [own.chat("bob").status, own.chat("nobody").status, own.chat(model="nothing").status]
        assert statuses == [200, 401, 404]
        assert code != 0
    finally:
        own.reload(replace(config, revision=10))
