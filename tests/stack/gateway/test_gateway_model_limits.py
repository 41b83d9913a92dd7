"""Bounds for each participant at one model, beside their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from tests.unit.gateway_bed import Gateway

BOUNDS = {
    "free": CallerLimits(),
    "two-a-minute": CallerLimits(requests_per_minute=2),
    "one-at-once": CallerLimits(concurrent_requests=1),
    "thirty-tokens-a-minute": CallerLimits(tokens_per_minute=30),
    "thirty-tokens": CallerLimits(token_budget=30),
}


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[[GatewayConfig], Gateway], stubs: tuple[str, str]) -> Gateway:
    callers = tuple(Caller(who, (fingerprint(f"sk-{who}"),), tuple(BOUNDS)) for who in ("ada", "bob"))
    started = start_gateway(
        GatewayConfig(
            workshop="test",
            title="Test",
            callers=callers,
            limits=CallerLimits(requests_per_minute=1000),
            upstreams=(Upstream("stub", (Server(stubs[0], 8000),), "stub"),),
            models=tuple(
                RoutedModel(name, ("stub",), "vllm", limits=bounds, aliases=(f"also-{name}",))
                for name, bounds in BOUNDS.items()
            ),
        )
    )
    started.until(lambda: started.chat("ada", model="free").status == 200)
    return started


def test_requests_are_counted_by_model_and_participant(gateway: Gateway) -> None:
    answers = [gateway.chat(model="two-a-minute") for _ in range(2)]
    # a minute may turn in between: then one more is let through
    refused = next(answer for answer in (gateway.chat(model="two-a-minute") for _ in range(3)) if answer.status == 429)
    assert {answer.status for answer in answers} == {200}
    assert refused.headers["x-ratelimit-limit-requests"] == "2"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "with two-a-minute" in refused.error["message"]
    assert gateway.chat(model="free").status == 200
    assert gateway.chat("bob", model="two-a-minute").status == 200


def test_the_headers_tell_the_bound_that_is_nearest(gateway: Gateway) -> None:
    assert gateway.chat("bob", model="free").headers["x-ratelimit-limit-requests"] == "1000"
    assert gateway.chat("bob", model="two-a-minute").headers["x-ratelimit-limit-requests"] == "2"


def test_an_alias_is_the_same_model_to_the_bounds(gateway: Gateway) -> None:
    statuses = [gateway.chat(model=name).status for name in ("two-a-minute", "also-two-a-minute") * 3]
    assert 429 in statuses


def test_requests_at_once_are_counted_by_model(gateway: Gateway) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gateway.chat, model="one-at-once", stub={"wait": 1})
        gateway.until(lambda: gateway.backends()["stub-a:8000"]["in_flight"] == 1)
        refused = gateway.chat(model="one-at-once")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert gateway.chat(model="free").status == 200
        assert slow.result().status == 200
    gateway.until(lambda: gateway.chat(model="one-at-once").status == 200)


@pytest.mark.parametrize(
    ("model", "code"), [("thirty-tokens-a-minute", "rate_limit_exceeded"), ("thirty-tokens", "insufficient_quota")]
)
def test_tokens_are_counted_by_model(gateway: Gateway, model: str, code: str) -> None:
    gateway.until(lambda: gateway.chat(model=model).status == 429)  # each costs twenty, charged once it was sent
    assert gateway.chat(model=model).error["code"] == code
    assert gateway.chat(model="free").status == 200
    assert gateway.chat("bob", model=model).status == 200


@pytest.mark.full("twenty large bodies within four seconds; a busy machine is too slow for it")
def test_of_large_bodies_so_many_are_taken_at_once(gateway: Gateway) -> None:
    large = "x" * 4_500_000
    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(gateway.chat, model="free", stub={"wait": 4}, messages=[{"role": "user", "content": large}])
            for _ in range(20)
        ]
        gateway.until(lambda: sum(one.done() for one in asked) == 4)
        assert gateway.chat(model="free").status == 200  # small ones are not held up
        answers = [one.result() for one in asked]
    assert sorted(answer.status for answer in answers) == [200] * 16 + [429] * 4
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.error["code"], "large" in refused.error["message"]) == ("rate_limit_exceeded", True)
