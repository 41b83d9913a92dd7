"""What is served at all, Ollama's own routes, and nginx's own errors."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.unit.gateway_bed import Gateway

ASK: dict[str, Any] = {"model": "native", "messages": []}


def test_health_needs_no_key(gateway: Gateway) -> None:
    answer = gateway.send("/healthz")
    assert (answer.status, answer.text) == (200, "ok\n")


@pytest.mark.parametrize(
    "path",
    [
        "/api/chat",
        "/metrics",
        "/tokenize",
        "/v1/files",
        "/v1/",
        "/",
        "/v1/chat/completions/x",
        "/_refused",
        "/_preflight",
        "/constructor",
    ],
)
def test_an_unknown_path_is_not_there(gateway: Gateway, path: str) -> None:
    answer = gateway.send(path, ASK, key="sk-ada")
    assert answer.status == 404
    assert answer.error["type"] == "invalid_request_error"


def test_a_wrong_method_is_told_the_right_one(gateway: Gateway) -> None:
    for path, method, allowed in (
        ("/v1/chat/completions", "GET", "POST"),
        ("/v1/models", "POST", "GET"),
        ("/ollama/api/chat", "DELETE", "POST"),
    ):
        answer = gateway.send(path, method=method, key="sk-ada")
        assert (answer.status, answer.error["code"], answer.headers["allow"]) == (405, "method_not_allowed", allowed)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "pull",
            "create",
            "delete",
            "push",
            "copy",
            "blobs/sha256:x",
            "ps",
            "me",
            "embeddings",
            "experimental/web_search",
        ),
        *("..%2fapi%2fpull", "chat/../pull", "%63hat/../pull", ""),
    ],
)
def test_ollamas_other_routes_are_forbidden(gateway: Gateway, path: str) -> None:
    answer = gateway.send(f"/ollama/api/{path}", ASK, key="sk-ada")
    assert (answer.status, answer.error["code"]) == (403, "path_forbidden")


def test_ollamas_lists_hold_what_it_serves_to_this_caller(gateway: Gateway) -> None:
    assert [model["name"] for model in gateway.send("/ollama/api/tags", key="sk-ada").json["models"]] == [
        "native:latest"
    ]
    assert gateway.send("/ollama/api/tags", key="sk-bob").json == {"models": []}
    assert gateway.send("/ollama/api/tags").status == 401
    assert "version" in gateway.send("/ollama/api/version", key="sk-bob").json


@pytest.mark.parametrize("name", ["native", "native:latest"])
@pytest.mark.parametrize("path", ["chat", "generate", "embed", "show"])
def test_ollamas_routes_reach_it_under_its_own_name(gateway: Gateway, path: str, name: str) -> None:
    answer = gateway.send(f"/ollama/api/{path}", ASK | {"model": name}, key="sk-ada")
    assert answer.json["request"] == f"POST /api/{path} HTTP/1.1"
    assert '"tiny:latest"' in answer.json["body"]
    assert gateway.record(answer)["model"] == "native"


def test_showing_a_model_costs_nothing(gateway: Gateway) -> None:
    answer = gateway.send("/ollama/api/show", ASK, key="sk-ada")
    assert gateway.record(answer)["prompt_tokens"] is None


def test_ollamas_streams_are_counted(gateway: Gateway) -> None:
    answer = gateway.send("/ollama/api/chat", ASK | {"stream": True, "stub": {"events": 3}}, key="sk-ada")
    assert answer.text.count("\n") == 4
    record = gateway.record(answer)
    assert (record["prompt_tokens"], record["completion_tokens"], record["estimated"]) == (12, 3, False)


def test_a_model_of_another_engine_has_no_ollama_routes(gateway: Gateway) -> None:
    answer = gateway.send("/ollama/api/chat", ASK | {"model": "stub"}, key="sk-ada")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


def test_a_body_that_is_too_large_is_refused_in_openais_form(gateway: Gateway) -> None:
    answer = gateway.send("/v1/chat/completions", "x" * (33 * 2**20), key="sk-ada")
    assert answer.status == 413
    assert answer.error["type"] == "invalid_request_error"


def test_an_address_that_is_too_long_is_refused_in_openais_form(gateway: Gateway) -> None:
    answer = gateway.send("/" + "a" * 40000, key="sk-ada")
    assert (answer.status, answer.error["code"]) == (414, "uri_too_long")


def test_headers_that_are_too_large_are_refused_in_openais_form(gateway: Gateway) -> None:
    answer = gateway.send("/v1/models", headers={"X-Big": "y" * 40000})
    assert (answer.status, answer.error["code"]) == (431, "headers_too_large")


def test_a_request_line_that_is_none_is_refused_in_openais_form(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port())) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        answer = connection.makefile("rb").read().decode()
    assert '{"error":{"message":"The request could not be understood.","type":"invalid_request_error"' in answer


def test_javascript_from_any_page_may_ask_with_a_key_of_its_own(gateway: Gateway) -> None:
    asked = {"Origin": "https://notebook.example", "Access-Control-Request-Headers": "authorization,x-stainless-os"}
    preflight = gateway.send("/v1/chat/completions", method="OPTIONS", headers=asked)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    for answer in (preflight, gateway.chat(), gateway.chat(model="nobody-has-this"), gateway.send("/v1/models")):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
