"""The answer on its way back: streams, tokens, and errors of backends."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.unit.gateway_bed import Answer, Gateway


def figures(gateway: Gateway, answer: Answer) -> tuple[int, int, bool]:
    record = gateway.record(answer)
    return record["prompt_tokens"], record["completion_tokens"], record["estimated"]


def texts(answer: Answer) -> list[str]:
    chunks = [json.loads(event) for event in answer.events if event != "[DONE]"]
    return [choice["delta"]["content"] for chunk in chunks for choice in chunk["choices"]]


def test_events_go_out_as_they_come_in(gateway: Gateway) -> None:
    arrivals = gateway.arrivals({"model": "stub", "stream": True, "messages": [], "stub": {"events": 8, "gap": 0.1}})
    assert len(arrivals) >= 8
    assert arrivals[-1] - arrivals[0] > 0.6
    record = gateway.wait_for(lambda line: line["bytes"] > 0)
    assert record["ttft"] < 0.3
    assert record["duration"] > 0.6


@pytest.mark.parametrize(
    "options", [{}, {"stream_options": {}}, {"stream_options": None}, {"stream_options": {"include_usage": False}}]
)
@pytest.mark.parametrize(
    "shape", [{}, {"split": True}, {"end": "\r\n\r\n"}, {"text": 'fake "usage":{"prompt_tokens":999} "choices":[]'}]
)
def test_tokens_are_counted_and_the_count_is_hidden_from_who_did_not_ask(
    gateway: Gateway, options: dict[str, Any], shape: dict[str, Any]
) -> None:
    answer = gateway.chat(stream=True, stub={"events": 4, **shape}, **options)
    assert texts(answer) == [shape.get("text", "zażółć é")] * 4
    assert len(answer.events) == 5
    assert answer.events[-1] == "[DONE]"
    assert figures(gateway, answer) == (12, 4, False)


@pytest.mark.parametrize("shape", [{}, {"split": True}])
def test_who_asks_for_usage_gets_it(gateway: Gateway, shape: dict[str, Any]) -> None:
    answer = gateway.chat(stream=True, stub={"events": 4, **shape}, stream_options={"include_usage": True})
    assert json.loads(answer.events[-2])["usage"] == {"prompt_tokens": 12, "completion_tokens": 4}
    assert texts(answer) == ["zażółć é"] * 4
    assert figures(gateway, answer) == (12, 4, False)


def test_a_large_number_survives_when_usage_is_asked_for(gateway: Gateway) -> None:
    body = '{"model": "stub", "stream": false, "seed": 12345678901234567890}'
    assert (
        json.loads(gateway.send("/v1/chat/completions", body, key="sk-ada").json["body"])["seed"]
        == 12345678901234567890
    )


def test_a_server_that_tells_no_usage_is_estimated(gateway: Gateway) -> None:
    answer = gateway.chat(stream=True, stub={"events": 4, "no_usage": True})
    prompt, completion, estimated = figures(gateway, answer)
    assert estimated
    assert prompt > 10
    assert completion == 5  # the last event says [DONE]


def test_who_leaves_in_the_middle_pays_an_estimate(gateway: Gateway) -> None:
    before = gateway.counters("bob")["tokens"]
    gateway.abort({"model": "stub", "stream": True, "stub": {"events": 100, "gap": 0.05}}, after_seconds=0.4, who="bob")
    record = gateway.wait_for(lambda line: line["participant"] == "bob" and not line["complete"])
    assert record["estimated"]
    assert 2 <= record["completion_tokens"] <= 20
    assert gateway.counters("bob")["tokens"] == before + record["prompt_tokens"] + record["completion_tokens"]


def test_who_leaves_before_the_answer_pays_for_the_question(gateway: Gateway) -> None:
    gateway.abort({"model": "pair", "stub": {"wait": 3}}, after_seconds=0.2)
    record = gateway.wait_for(lambda line: line["model"] == "pair" and line["status"] == 499)
    assert record["estimated"]
    assert record["prompt_tokens"] > 5
    assert record["completion_tokens"] == 0


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (
            400,
            '{"error": {"message": "too long", "type": "BadRequestError", "param": "input", "code": 400}}',
            "too long",
        ),
        (400, '{"error": "Unauthorized"}', "Unauthorized"),
        (404, '{"detail": "Not Found"}', "Not Found"),
        (422, '{"detail": [{"loc": ["body"], "msg": "missing"}]}', '[{"loc":["body"],"msg":"missing"}]'),
        (429, '{"message": "slow down"}', "slow down"),
        (500, "<html>oops</html>", "The model server answered 500."),
        (500, "", "The model server answered 500."),
        (400, "null", "The model server answered 400."),
    ],
)
def test_a_backends_error_gets_openais_form(gateway: Gateway, status: int, content: str, message: str) -> None:
    answer = gateway.chat(stub={"status": status, "content": content, "type": "text/html"})
    assert answer.status == status
    assert answer.error["message"] == message
    assert answer.headers["content-type"] == "application/json"
    assert gateway.record(answer)["prompt_tokens"] is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_backend_that_refuses_the_gateways_own_key_says_nothing_to_the_participant(
    gateway: Gateway, status: int
) -> None:
    answer = gateway.chat(stub={"status": status, "content": '{"error": "bad key provider-secret"}'})
    assert (answer.status, answer.error["code"]) == (502, "backend_auth_failed")
    assert "provider-secret" not in answer.text


def test_each_answer_has_one_line_in_the_log_without_a_secret(gateway: Gateway) -> None:
    answer = gateway.chat(model="trusted")
    record = gateway.record(answer)
    assert list(record) == [
        *("time", "participant", "via", "method", "path", "model", "upstream", "backend", "attempts"),
        *("status", "error", "prompt_tokens", "completion_tokens", "estimated", "ttft"),
        *("complete", "duration", "bytes", "id"),
    ]
    backend = record.pop("backend")
    assert backend.endswith(":8443")
    assert {k: record[k] for k in ("participant", "via", "method", "path", "model", "upstream", "status", "error")} == {
        "participant": "ada",
        "via": None,
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": "trusted",
        "upstream": "trusted",
        "status": 200,
        "error": None,
    }
    assert (record["prompt_tokens"], record["completion_tokens"], record["complete"]) == (12, 8, True)
    gateway.send("/v1/models?key=sk-ada", key="sk-ada")
    time.sleep(0.2)
    lines = gateway.run("cat", "/var/lib/gateway/access.jsonl")
    assert "sk-" not in lines
    assert "provider-secret" not in lines + gateway.container.logs().decode()
