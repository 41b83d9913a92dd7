"""Which backend answers: the least busy, the one that knows somebody, never one that is drained or down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from tests.unit.gateway_bed import Gateway

PEOPLE = tuple(f"person-{number}" for number in range(12))


@pytest.fixture(scope="module")
def two(start_stub: Callable[[str], Any]) -> dict[str, Any]:
    """Containers that these tests stop and start."""
    return {name: start_stub(name) for name in ("first", "second")}


@pytest.fixture(scope="module")
def shared(start_gateway: Callable[[GatewayConfig], Gateway], two: dict[str, Any]) -> Gateway:
    servers = tuple(Server(name, 8000, name, health="/health") for name in two)
    names = ("busy", "by-person", "by-prompt", "lonely", "preferred")
    callers = tuple(Caller(who, (fingerprint(f"sk-{who}"),), names) for who in ("ada", *PEOPLE))
    return start_gateway(
        GatewayConfig(
            workshop="test",
            title="Test",
            callers=callers,
            limits=CallerLimits(),
            upstreams=(
                Upstream("both", servers, "m"),
                Upstream("one", servers[:1], "m"),
                Upstream("other", servers[1:], "m"),
            ),
            models=(
                RoutedModel("busy", ("both",), "llamacpp"),
                RoutedModel("by-person", ("both",), "llamacpp", balance="participant"),
                RoutedModel("by-prompt", ("both",), "llamacpp", balance="prompt"),
                RoutedModel("lonely", ("one",), "llamacpp"),
                RoutedModel("preferred", ("one", "other"), "llamacpp"),
            ),
        )
    )


@pytest.fixture
def gateway(shared: Gateway, two: dict[str, Any]) -> Gateway:
    """With both backends up, whatever the test before did to them."""
    for stub in two.values():
        stub.start()
    shared.post("/changes", {"revision": time.time(), "drained": {"first": False, "second": False}})
    shared.until(lambda: {served(shared, model) for model in ("lonely", "preferred")} == {200}, seconds=15)
    idle = {"state": "up", "in_flight": 0}
    shared.until(lambda: all(backend == idle for backend in shared.backends().values()), seconds=15)
    return shared


def served(gateway: Gateway, model: str) -> int:
    return gateway.chat(model=model).status


def served_by(gateway: Gateway, model: str, who: str = "ada", **fields: Any) -> str:
    answer = gateway.chat(who, model=model, **fields)
    assert answer.status == 200, answer.text
    name: str = answer.json["served_by"]
    return name


def test_the_least_busy_is_asked(gateway: Gateway) -> None:
    with ThreadPoolExecutor(10) as pool:
        slow = [pool.submit(served_by, gateway, "busy", stub={"wait": 1}) for _ in range(10)]
        assert Counter(one.result() for one in slow) == {"first": 5, "second": 5}


def test_what_is_under_way_is_told_by_backend(gateway: Gateway) -> None:
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(served_by, gateway, "lonely", stub={"wait": 1}) for _ in range(4)]
        gateway.until(lambda: gateway.backends()["first"] == {"state": "up", "in_flight": 4})
        assert {one.result() for one in slow} == {"first"}
    gateway.until(lambda: gateway.backends()["first"]["in_flight"] == 0)


def test_a_participant_stays_with_a_backend_and_the_class_is_spread(gateway: Gateway) -> None:
    homes = {who: {served_by(gateway, "by-person", who) for _ in range(3)} for who in PEOPLE}
    assert {len(home) for home in homes.values()} == {1}
    assert set().union(*homes.values()) == {"first", "second"}


def test_a_conversation_stays_where_its_beginning_is_known(gateway: Gateway) -> None:
    for number in range(6):
        turns = [{"role": "system", "content": f"topic {number}"}, {"role": "user", "content": "hello"}]
        more = [*turns, {"role": "assistant", "content": "hi"}, {"role": "user", "content": "and now?"}]
        assert served_by(gateway, "by-prompt", messages=turns) == served_by(
            gateway, "by-prompt", PEOPLE[number], messages=more
        )


def test_one_prompt_for_all_does_not_pile_up_on_one_backend(gateway: Gateway) -> None:
    same = [{"role": "system", "content": "You are the class's tutor."}, {"role": "user", "content": "Begin."}]
    with ThreadPoolExecutor(12) as pool:
        slow = [pool.submit(served_by, gateway, "by-prompt", who, messages=same, stub={"wait": 1}) for who in PEOPLE]
        shares = Counter(one.result() for one in slow)
    assert len(shares) == 2
    assert max(shares.values()) <= 8  # five quarters of a fair share, and what was chosen in the same moment


def test_a_drained_backend_ends_what_it_has_and_gets_no_more(gateway: Gateway) -> None:
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(gateway.chat, model="lonely", stream=True, stub={"events": 20, "gap": 0.05})
        gateway.until(lambda: gateway.backends()["first"]["in_flight"] == 1)
        gateway.post("/changes", {"revision": time.time(), "drained": {"first": True}})
        assert gateway.backends()["first"]["state"] == "drained"
        assert {served_by(gateway, "busy") for _ in range(6)} == {"second"}
        assert served_by(gateway, "preferred") == "second"
        assert gateway.chat(model="lonely").status == 503
        assert long.result().events[-1] == "[DONE]"
    gateway.post("/changes", {"revision": time.time(), "drained": {"first": False}})
    assert served_by(gateway, "lonely") == "first"


def test_a_dead_backend_leaves_the_rotation_before_anybody_asks_it_and_comes_back(
    gateway: Gateway, two: dict[str, Any]
) -> None:
    two["first"].kill()
    gateway.until(lambda: gateway.backends()["first"]["state"] == "down", seconds=8)
    answers = [gateway.chat(model="busy") for _ in range(6)]
    assert {answer.json["served_by"] for answer in answers} == {"second"}
    assert {gateway.record(answer)["attempts"] for answer in answers} == {1}
    two["first"].start()
    gateway.until(lambda: gateway.backends()["first"]["state"] == "up", seconds=15)
    assert served_by(gateway, "lonely") == "first"


def test_a_backend_killed_under_way_costs_only_what_it_had_begun_to_answer(
    gateway: Gateway, two: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(gateway.chat, model="busy", stub={"wait": 1.5}) for _ in range(8)]
        gateway.until(lambda: gateway.backends()["first"]["in_flight"] == 4)
        two["first"].kill()
        after = [pool.submit(gateway.chat, model="busy") for _ in range(8)]
        assert {one.result().status for one in (*waiting, *after)} == {200}
        assert {one.result().json["served_by"] for one in after} == {"second"}


@pytest.mark.full("waits until all are known to be down; that one is, is for every day")
def test_when_all_are_down_the_answer_is_quick_and_says_so(gateway: Gateway, two: dict[str, Any]) -> None:
    for stub in two.values():
        stub.kill()
    gateway.until(lambda: {each["state"] for each in gateway.backends().values()} == {"down"}, seconds=8)
    begun = time.monotonic()
    refused = gateway.chat(model="busy")
    assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (503, "model_unavailable", "5")
    assert time.monotonic() - begun < 2.5
