"""Keys work while the event lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.plan.gateway import GatewayConfig, Window
from tests.unit.gateway_bed import Gateway

HOUR = 3600
ASK = {"model": "stub", "messages": []}


@pytest.fixture(scope="module")
def in_window(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Callable[[Window], Gateway]:
    exempt = tuple(replace(caller, exempt=caller.id in {"bob", "open-webui"}) for caller in config.callers)
    return lambda window: start_gateway(replace(config, callers=exempt, window=window))


@pytest.fixture(scope="module")
def early(in_window: Callable[[Window], Gateway]) -> Gateway:
    return in_window(Window(int(time.time()) + HOUR, None, opens_text="1 December, 08:30"))


@pytest.fixture(scope="module")
def late(in_window: Callable[[Window], Gateway]) -> Gateway:
    return in_window(Window(None, int(time.time()) - 1, closes_text="1 December, 17:30"))


def test_before_the_event_a_key_is_told_when_it_opens(early: Gateway) -> None:
    for answer in (early.chat("ada"), early.send("/v1/models", key="sk-ada")):
        assert (answer.status, answer.error["code"]) == (403, "event_not_open")
        assert "1 December, 08:30" in answer.error["message"]


def test_after_the_event_a_key_is_told_that_it_is_over(late: Gateway) -> None:
    answer = late.chat("ada")
    assert (answer.status, answer.error["code"]) == (403, "event_closed")
    assert "1 December, 17:30" in answer.error["message"]


def test_an_exempt_caller_may_ask_at_any_time(early: Gateway, late: Gateway) -> None:
    for gateway in (early, late):
        gateway.until(lambda gateway=gateway: gateway.chat("bob").status == 200)  # type: ignore[misc]


def test_through_open_webui_the_persons_own_window_counts(early: Gateway) -> None:
    answer = early.send(
        "/v1/chat/completions", ASK, key="sk-open-webui", headers={"X-OpenWebUI-User-Email": "ada@example.org"}
    )
    assert (answer.status, answer.error["code"]) == (403, "event_not_open")
    assert early.send("/v1/models", key="sk-open-webui").status == 200


def test_while_the_event_lasts_keys_work(in_window: Callable[[Window], Gateway]) -> None:
    now = int(time.time())
    gateway = in_window(Window(now - HOUR, now + HOUR))
    gateway.until(lambda: gateway.chat("ada").status == 200)  # it may not have found the model's server yet


def test_a_time_that_is_no_number_closes_the_gateway(in_window: Callable[[Window], Gateway]) -> None:
    gateway = in_window(Window(0, 2**40))
    policy = gateway.folder / "policy.json"
    policy.write_text(
        policy.read_text(encoding="utf-8").replace(str(2**40), '"2026-12-01T17:30:00+01:00"'), encoding="utf-8"
    )
    gateway.reload_files()
    gateway.until(lambda: gateway.chat("ada").status == 403)
    assert gateway.chat("ada").error["code"] == "event_closed"
