"""Changes to the running gateway: keys taken away and given, in effect at once, without a reload."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.identity.keys import fingerprint
from orchestrator.plan.gateway import API_PORT, GatewayConfig
from tests.unit.gateway_bed import Answer, Gateway

GUESTS = 2**53 - 1  # newer than any file
BOB = fingerprint("sk-bob")
EVE: dict[str, Any] = {
    "models": {"stub": True},
    "limits": dict.fromkeys(("requests_per_minute", "concurrent_requests", "tokens_per_minute", "token_budget")),
    "exempt": False,
    "service": False,
    "minute_offset": 0,
}
AT_BOB = "/v1/chat/completions"


@pytest.fixture
def gateway(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    return start_gateway(replace(config, revision=5))


def asked_for(gateway: Gateway, mail: str) -> Answer:
    body = {"model": "stub", "messages": []}
    return gateway.send(AT_BOB, body, key="sk-open-webui", headers={"X-OpenWebUI-User-Email": mail})


def test_a_revoked_key_is_refused_at_once_and_a_restored_one_taken_at_once(gateway: Gateway) -> None:
    for revision, owner, status in ((6, None, 401), (7, "bob", 200), (8, None, 401)):
        assert gateway.post("/changes", {"revision": revision, "keys": {BOB: owner}}) == 204
        assert gateway.chat("bob").status == status
    assert gateway.chat("ada").status == 200


def test_only_what_is_newer_than_the_file_counts(gateway: Gateway, config: GatewayConfig) -> None:
    gateway.post("/changes", {"revision": 5, "keys": {BOB: None}})
    assert gateway.chat("bob").status == 200
    gateway.post("/changes", {"revision": 6, "keys": {BOB: None}})
    assert gateway.chat("bob").status == 401
    gateway.reload(replace(config, revision=6))  # the file knows better: he is still there
    gateway.until(lambda: gateway.chat("bob").status == 200)


def test_the_file_wins_at_start(gateway: Gateway) -> None:
    gateway.post("/changes", {"revision": 6, "keys": {BOB: None}})
    gateway.container.kill("SIGKILL")
    gateway.container.start()
    gateway.container.reload()
    gateway.until(lambda: bool(gateway.is_up()), seconds=15)
    assert gateway.chat("bob").status == 200


def test_somebody_new_may_ask_at_once_by_key_and_on_the_page(gateway: Gateway) -> None:
    assert (gateway.chat("eve").status, asked_for(gateway, "eve@example.org").status) == (401, 403)
    added = {"callers": {"eve": EVE}, "keys": {fingerprint("sk-eve"): "eve"}, "emails": {"eve@example.org": "eve"}}
    assert gateway.post("/changes", {"revision": 6, **added}) == 204
    assert (gateway.chat("eve").status, asked_for(gateway, "eve@example.org").status) == (200, 200)
    assert gateway.chat("eve", model="pair").status == 404


def test_a_guest_leaves_by_itself(gateway: Gateway) -> None:
    added = {"callers": {"eve": EVE}, "keys": {fingerprint("sk-eve"): "eve"}}
    gateway.post("/changes", {"revision": GUESTS, "seconds": 4, **added})
    assert gateway.chat("eve").status == 200
    gateway.until(lambda: gateway.chat("eve").status == 401, seconds=8)


def test_the_streams_of_a_revoked_key_are_cut_and_no_others(gateway: Gateway) -> None:
    page = {"X-OpenWebUI-User-Email": "bob@example.org"}

    def stream(key: str, headers: dict[str, str], events: int) -> tuple[str, bool, float]:
        """What came, whether all of it, and when it ended."""
        connection = gateway.connect(API_PORT)
        body = {"model": "stub", "messages": [], "stream": True, "stub": {"events": events, "gap": 0.05}}
        connection.request("POST", AT_BOB, json.dumps(body), {"Authorization": f"Bearer {key}", **headers})
        response = connection.getresponse()
        try:
            text, whole = response.read().decode(), True
        except http.client.IncompleteRead as problem:
            text, whole = problem.partial.decode(), False
        connection.close()
        return text, whole, time.monotonic()

    with ThreadPoolExecutor(9) as pool:
        his = [pool.submit(stream, "sk-bob", {}, 400) for _ in range(3)]
        others = [pool.submit(stream, "sk-ada", {}, 60) for _ in range(3)]
        on_the_page = [pool.submit(stream, "sk-open-webui", page, 400) for _ in range(3)]
        gateway.until(lambda: gateway.counters("bob")["in_flight"] == 6)
        time.sleep(0.3)
        begun = time.monotonic()
        gateway.post("/changes", {"revision": 6, "keys": {BOB: None}, "emails": {"bob@example.org": None}})
        for cut in (*his, *on_the_page):
            text, whole, ended = cut.result()
            assert not whole
            assert ended - begun < 1
            assert json.loads(text.rstrip().rsplit("data: ", 1)[1])["error"]["code"] == "invalid_api_key"
        for kept in others:
            text, whole, _ = kept.result()
            assert whole
            assert text.endswith("data: [DONE]\n\n")
    gateway.until(lambda: gateway.counters("bob")["in_flight"] == 0)
    line = gateway.wait_for(lambda line: line["participant"] == "bob" and not line["complete"])
    assert line["completion_tokens"] > 0


def test_a_stream_that_another_backend_answers_is_cut_as_well(gateway: Gateway) -> None:
    gateway.until(lambda: gateway.chat(model="last").status == 200)  # nginx has found its name
    connection = gateway.connect(API_PORT)
    slow = {"model": "several", "messages": [], "stream": True, "stub": {"events": 200, "gap": 0.05}}
    connection.request("POST", AT_BOB, json.dumps(slow), {"Authorization": "Bearer sk-ada"})
    response = connection.getresponse()
    assert response.read1()  # from the last of its upstreams: those before are dead
    gateway.post("/changes", {"revision": 6, "keys": {fingerprint("sk-ada"): None}})
    begun = time.monotonic()
    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert time.monotonic() - begun < 1
    assert b"invalid_api_key" in cut.value.partial
    connection.close()


@pytest.mark.full("more changes than a class ever makes")
def test_a_full_memory_of_changes_says_so(gateway: Gateway) -> None:
    keys = {f"{number:064d}": "b" * 3000 for number in range(30)}  # a command line holds no more
    posted = (
        gateway.post("/changes", {"revision": 6, "keys": {f"{turn}{key}": who for key, who in keys.items()}})
        for turn in range(200)
    )
    assert 507 in posted
    assert gateway.chat("bob").status == 200


@pytest.fixture(scope="module")
def unchanged(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    return start_gateway(replace(config, revision=5))


@pytest.mark.parametrize("document", [[], "x", {}, {"revision": "6"}, {"revision": None, "keys": {}}])
def test_what_is_no_change_is_refused(unchanged: Gateway, document: object) -> None:
    assert unchanged.post("/changes", document) == 400
