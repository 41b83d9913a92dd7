"""How much a caller may ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.unit.gateway_bed import Gateway


def test_requests_per_minute_are_bounded(gateway: Gateway) -> None:
    answers = [gateway.chat("three-a-minute") for _ in range(8)]  # the minute may turn once in between
    refused = [answer for answer in answers if answer.status == 429]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "3"
    assert 2 <= len(refused) <= 5
    last = refused[-1]
    assert (last.error["code"], last.error["type"]) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert last.headers["x-ratelimit-remaining-requests"] == "0"


def test_what_is_left_is_told_with_every_answer(gateway: Gateway) -> None:
    headers = gateway.chat("bob").headers
    assert headers["x-ratelimit-limit-requests"] == "10000"
    assert 9000 < int(headers["x-ratelimit-remaining-requests"]) < 10000
    assert headers["x-ratelimit-limit-tokens"] == "10000000"
    assert headers["x-ratelimit-reset-requests"].endswith("s")


def test_requests_at_once_are_bounded_and_a_slot_comes_back(gateway: Gateway) -> None:
    slow = {"events": 10, "gap": 0.05}
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: gateway.chat("two-at-once", stream=True, stub=slow), range(5)))
    assert sorted(answer.status for answer in answers) == [200, 200, 429, 429, 429]
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.error["code"] == "rate_limit_exceeded"
    assert refused.headers["retry-after"] == "1"
    gateway.until(lambda: gateway.counters("two-at-once")["in_flight"] == 0)
    assert gateway.chat("two-at-once").status == 200


def test_a_slot_comes_back_after_every_kind_of_end(gateway: Gateway) -> None:
    gateway.chat("ada", model="nobody-has-this")
    gateway.chat("ada", model="dead")
    gateway.chat("ada", stub={"status": 500, "content": "{}"})
    gateway.send("/v1/chat/completions", "{", key="sk-ada")
    gateway.abort({"model": "stub", "stream": True, "stub": {"events": 100, "gap": 0.05}}, after_seconds=0.2)
    gateway.abort({"model": "stub", "stub": {"wait": 5}}, after_seconds=0.2)
    gateway.until(lambda: gateway.counters("ada")["in_flight"] == 0)


def test_tokens_per_minute_are_bounded(gateway: Gateway) -> None:
    answers = [gateway.chat("thirty-tokens-a-minute") for _ in range(6)]  # each costs 20
    assert [answer.status for answer in answers[:2]] == [200, 200]
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.error["code"], refused.error["type"]) == ("rate_limit_exceeded", "tokens")
    assert refused.headers["x-ratelimit-remaining-tokens"] == "0"


def test_a_spent_budget_is_final_and_the_instructor_may_renew_it(gateway: Gateway) -> None:
    for _ in range(2):
        answer = gateway.chat("thirty-tokens")
        assert answer.status == 200
        gateway.record(answer)  # the tokens are charged once the answer has been sent
    assert gateway.chat("thirty-tokens").status == 429
    refused = gateway.chat("thirty-tokens")
    assert (refused.error["code"], refused.error["type"]) == ("insufficient_quota", "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    assert gateway.counters("thirty-tokens")["tokens"] == 40
    gateway.run("curl", "-s", "-d", '{"thirty-tokens": 0}', "http://127.0.0.1:9000/tokens")
    assert gateway.chat("thirty-tokens").status == 200


def test_without_bounds_nothing_is_told_and_nothing_refused(gateway: Gateway) -> None:
    answer = gateway.chat("unbounded")
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_counters_outlive_a_restart(gateway: Gateway) -> None:
    gateway.chat("bob")
    spent = gateway.counters("bob")["tokens"]
    assert spent >= 20
    gateway.restart()
    assert gateway.counters("bob")["tokens"] == spent
