"""What participants get of engines on other hosts: the same as of those beside the gateway."""

from __future__ import annotations

import json
import time
from contextlib import closing

from tests.stack.edge.bed import KEY, Bed, question


def test_a_real_engine_answers_through_its_edge(bed: Bed) -> None:
    answer = bed.ask("llama")
    assert answer.status == 200, answer
    assert answer.json["choices"][0]["message"]["content"]


def test_both_hosts_serve_the_model(bed: Bed) -> None:
    assert {bed.served_by("pair") for _ in range(30)} == {"model-pair-1", "model-pair-2"}


def test_events_come_as_the_engine_sends_them(bed: Bed) -> None:
    body = question("pair", stream=True, stub={"events": 8, "gap": 0.2})
    with closing(bed.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer {KEY}"})
        response, times = connection.getresponse(), list[float]()
        while response.read1(65536):
            times.append(time.monotonic())
    assert len(times) >= 8
    assert times[-1] - times[0] > 1.0


def test_a_large_body_arrives_whole(bed: Bed) -> None:
    text = "x" * 20_000_000
    answer = bed.ask("pair", messages=[{"role": "user", "content": text}])
    assert (answer.status, answer.json["size"] > len(text)) == (200, True)


def test_the_engine_is_asked_as_on_the_gateways_own_host(bed: Bed) -> None:
    told = bed.ask("pair").json
    assert told["request"] == "POST /v1/chat/completions HTTP/1.1"
    assert set(told["headers"]) == {"host", "content-type", "content-length", "x-request-id"}
    assert told["headers"]["host"] == "localhost"


def test_an_engines_own_error_is_passed_on(bed: Bed) -> None:
    wish = {"status": 400, "content": '{"error": {"message": "too long", "code": "context_length_exceeded"}}'}
    answer = bed.ask("pair", stub=wish)
    assert (answer.status, answer.json["error"]["code"]) == (400, "context_length_exceeded")


def test_the_gateways_own_check_finds_all_of_them_up(bed: Bed) -> None:
    states = {name: backend["state"] for name, backend in bed.backends().items()}
    assert {states[name] for name in ("model-pair-1", "model-pair-2", "model-llama-1", "model-last-1")} == {"up"}
