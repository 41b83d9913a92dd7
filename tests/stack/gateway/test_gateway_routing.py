"""Where a request goes: models, their names, their servers, and what those get to see."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.unit.gateway_bed import Answer, Gateway


def send_raw(gateway: Gateway, body: str) -> Answer:
    return gateway.send("/v1/chat/completions", body, key="sk-ada")


def sent(answer: Answer) -> Any:
    """The body that the backend got."""
    assert answer.status == 200, answer.text
    return json.loads(answer.json["body"])


def test_models_are_listed_for_each_caller(gateway: Gateway) -> None:
    assert gateway.send("/v1/models", key="sk-bob").json == {
        "object": "list",
        "data": [{"id": "stub", "object": "model", "created": 0, "owned_by": "llamacpp"}],
    }
    assert gateway.send("/v1/models/stub", key="sk-bob").json["id"] == "stub"
    assert gateway.send("/v1/models/pair", key="sk-ada").json["id"] == "pair"


@pytest.mark.parametrize("model", ["pair", "nobody-has-this", "__proto__", "constructor", ""])
def test_a_model_that_one_may_not_use_does_not_exist(gateway: Gateway, model: str) -> None:
    answers = [gateway.chat("bob", model=model)]
    if model:
        answers.append(gateway.send(f"/v1/models/{model}", key="sk-bob"))
    for answer in answers:
        assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", "model")


def test_both_servers_of_an_upstream_are_used(gateway: Gateway) -> None:
    assert {gateway.chat(model="pair").json["served_by"] for _ in range(6)} == {"stub-a", "stub-b"}


def test_real_servers_answer_plainly_and_streamed(gateway: Gateway) -> None:
    plain = gateway.chat(model="llama")
    assert plain.json["choices"][0]["message"]["role"] == "assistant"
    record = gateway.record(plain)
    assert record["prompt_tokens"] == plain.json["usage"]["prompt_tokens"]
    assert record["completion_tokens"] == plain.json["usage"]["completion_tokens"]
    streamed = gateway.chat(model="llama", stream=True)
    assert streamed.events[-1] == "[DONE]"
    assert not [event for event in streamed.events if '"choices":[]' in event]
    assert not gateway.record(streamed)["estimated"]
    assert gateway.record(streamed)["completion_tokens"] > 0


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/completions", {"prompt": "hi", "max_tokens": 4}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}),
        ("/v1/responses", {"input": "hi", "max_output_tokens": 4}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_every_kind_of_question_reaches_a_real_server_and_is_counted(
    gateway: Gateway, path: str, fields: dict[str, Any], stream: bool
) -> None:
    answer = gateway.send(path, {"model": "llama", "stream": stream, **fields}, key="sk-ada")
    assert answer.status == 200, answer.text
    record = gateway.record(answer)
    assert record["prompt_tokens"] > 0
    assert 0 < record["completion_tokens"] <= 4
    assert not record["estimated"]


def test_embeddings_are_routed(gateway: Gateway) -> None:
    answer = gateway.send("/v1/embeddings", {"model": "renamed", "input": "hi"}, key="sk-ada")
    assert answer.json["request"] == "POST /v1/embeddings HTTP/1.1"
    assert sent(answer) == {"model": "name-inside", "input": "hi"}


def test_a_server_that_refuses_or_has_no_name_costs_nothing(gateway: Gateway) -> None:
    for _ in range(4):
        assert gateway.chat(model="one-refuses").json["served_by"] == "stub-b"


def test_a_server_that_hangs_costs_two_seconds_once(gateway: Gateway) -> None:
    begin = time.monotonic()
    answers = [gateway.chat(model="one-hangs") for _ in range(5)]
    assert {answer.status for answer in answers} == {200}
    assert time.monotonic() - begin < 3.5


def test_a_model_tries_its_upstreams_in_order(gateway: Gateway) -> None:
    answer = gateway.chat(model="several")
    assert answer.json["served_by"] == "stub-b"
    assert sent(answer)["model"] == "last-resort"
    record = gateway.record(answer)
    assert (record["model"], record["upstream"], record["status"]) == ("several", "last", 200)


def test_the_next_upstream_may_stream_too(gateway: Gateway) -> None:
    answer = gateway.chat(model="several", stream=True, stub={"events": 3})
    assert (answer.status, len(answer.events)) == (200, 4)
    assert gateway.record(answer)["completion_tokens"] == 3


def test_a_server_that_is_loading_its_model_is_passed_over(gateway: Gateway) -> None:
    answer = gateway.chat(model="stub", stub={"status": 503, "content": '{"error": "Loading model"}'})
    assert (answer.status, answer.error["code"]) == (503, "model_unavailable")


def test_a_server_that_is_gone_is_left_alone_though_the_one_before_it_answered(gateway: Gateway) -> None:
    answer = gateway.chat(model="stub-then-gone", stub={"status": 503, "content": "{}"})
    assert (answer.status, gateway.record(answer)["attempts"]) == (503, 2)
    states = {name: backend["state"] for name, backend in gateway.backends().items()}
    assert (states["stub-a:8000"], states["stub-a:10"]) == ("up", "down")


@pytest.mark.parametrize("model", ["unavailable", "dead", "nameless", "all-hang"])
def test_a_model_without_a_living_server_is_unavailable(gateway: Gateway, model: str) -> None:
    begin = time.monotonic()
    answer = gateway.chat(model=model)
    assert (answer.status, answer.error["code"]) == (503, "model_unavailable")
    assert model in answer.error["message"]
    assert answer.headers["retry-after"] == "5"
    assert time.monotonic() - begin < 4


def test_only_the_models_name_is_changed_in_a_body(gateway: Gateway) -> None:
    body = (
        '{ "messages":[{"role":"user","content":"say \\"model\\": \\"x\\" \\u0142"}], "model" : "renamed",'
        ' "seed":12345678901234567890, "x":1.0}'
    )
    answer = send_raw(gateway, body)
    assert answer.json["body"] == body.replace('"renamed"', '"name-inside"')


def test_other_keys_called_model_stay_as_they_are(gateway: Gateway) -> None:
    answer = send_raw(
        gateway,
        '{"metadata": {"model": "a"}, "model": "renamed", "tools": [{"model": "b"}], "seed": 12345678901234567890}',
    )
    assert sent(answer) == {
        "metadata": {"model": "a"},
        "model": "name-inside",
        "tools": [{"model": "b"}],
        "seed": 12345678901234567890,
    }


def test_an_escaped_spelling_of_the_key_is_understood(gateway: Gateway) -> None:
    assert sent(send_raw(gateway, '{"mod\\u0065l": "renamed", "x": [1, {"y": "}"}]}'))["model"] == "name-inside"


@pytest.mark.parametrize(
    "body",
    [
        '{"model": "stub", "Model": "renamed"}',
        '{"MODEL": "renamed", "model": "stub"}',
        '{"model": "stub", "model": "renamed"}',
        '{"model": "stub", "mod\\u0065l": "renamed"}',
        '{"model": "stub", "\\u004dodel": "renamed"}',
        '{"Model": "renamed"}',
        '{"x": {"model": "renamed"}}',
    ],
)
def test_a_second_model_can_not_be_smuggled_past(gateway: Gateway, body: str) -> None:
    answer = send_raw(gateway, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_body")


@pytest.mark.parametrize(
    "body", ["{bad", "", "[]", "null", '"x"', '{"messages": []}', '{"model": 5}', '{"model": null}']
)
def test_a_body_that_names_no_model_is_refused(gateway: Gateway, body: str) -> None:
    answer = send_raw(gateway, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_body")


def test_a_body_of_megabytes_passes(gateway: Gateway) -> None:
    answer = gateway.chat(model="renamed", messages=[{"role": "user", "content": "x" * 4_000_000}])
    assert answer.json["size"] > 4_000_000


def test_nothing_of_the_callers_headers_reaches_a_backend(gateway: Gateway) -> None:
    headers = {
        "Authorization": "Bearer sk-ada",
        "X-Api-Key": "sk-ada",
        "Cookie": "a=b",
        "Accept": "sk-ada",
        "X-Evil": "1",
    }
    answer = gateway.send("/v1/chat/completions?key=sk-ada", {"model": "stub", "messages": []}, headers=headers)
    assert set(answer.json["headers"]) == {"host", "content-type", "content-length", "x-request-id"}
    assert "sk-ada" not in answer.text


def test_a_providers_key_is_added_over_tls_and_its_own_headers_stay_there(gateway: Gateway) -> None:
    answer = gateway.chat(model="trusted")
    assert answer.json["request"] == "POST /openai/v1/chat/completions HTTP/1.1"
    assert answer.json["headers"]["authorization"] == "Bearer provider-secret"
    assert answer.json["headers"]["host"] == "llm.example.org:8443"
    assert sent(answer)["model"] == "gpt-inside"
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-ratelimit-limit-requests"] == "10000"
    told = {name for name in answer.headers if name.startswith(("openai", "anthropic"))}
    assert not told


def test_each_upstream_gets_its_own_headers_and_query_and_no_others(gateway: Gateway) -> None:
    hosted = gateway.chat(model="azure").json
    assert hosted["request"] == "POST /openai/deployments/x/chat/completions?api-version=2024-10-21 HTTP/1.1"
    assert (hosted["headers"]["api-key"], hosted["headers"]["x-team"]) == ("azure-secret", "teaching")
    assert "authorization" not in hosted["headers"]
    assert not {"api-key", "x-team"} & set(gateway.chat(model="trusted").json["headers"])


def test_a_provider_whose_certificate_is_for_another_name_gets_nothing(gateway: Gateway) -> None:
    answer = gateway.chat(model="untrusted")
    assert (answer.status, answer.error["code"]) == (503, "model_unavailable")
