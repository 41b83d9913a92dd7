"""Who is asking: keys, and the person whom Open WebUI names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.identity.callers import Caller
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from tests.unit.gateway_bed import Gateway

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "keys.json").read_text(encoding="utf-8"))
MAIL = "X-OpenWebUI-User-Email"
ASK = {"model": "stub", "messages": []}


def names(gateway: Gateway, key: str, **headers: str) -> list[str]:
    listed = gateway.send("/v1/models", key=key, headers={n.replace("_", "-"): v for n, v in headers.items()})
    return [model["id"] for model in listed.json["data"]]


def bytes_as_header(key: str) -> str:
    """http.client sends headers as Latin-1: this makes it send UTF-8."""
    return key.encode().decode("latin1")


def test_a_bearer_key_is_accepted_however_the_scheme_is_spelt(gateway: Gateway) -> None:
    for value in ("Bearer sk-ada", "bearer sk-ada", "BEARER   sk-ada "):
        assert gateway.send("/v1/models", headers={"Authorization": value}).status == 200


def test_a_key_may_come_as_x_api_key(gateway: Gateway) -> None:
    assert gateway.send("/v1/models", headers={"X-Api-Key": "sk-ada"}).status == 200


def test_a_wrong_bearer_key_is_not_rescued_by_a_right_x_api_key(gateway: Gateway) -> None:
    answer = gateway.send("/v1/models", key="sk-nobody", headers={"X-Api-Key": "sk-ada"})
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


def test_without_a_key_the_answer_says_how_to_send_one(gateway: Gateway) -> None:
    for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer "}, {"Authorization": "Basic c2s="}):
        answer = gateway.send("/v1/chat/completions", ASK, headers=headers)
        assert (answer.status, answer.error["code"]) == (401, "missing_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer" in answer.error["message"]


@pytest.mark.parametrize("key", ["sk-nobody", "__proto__", "constructor", "toString", "\xff\xfe"])
def test_an_unknown_key_is_refused(gateway: Gateway, key: str) -> None:
    answer = gateway.send("/v1/chat/completions", ASK, key=key)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: repr(vector["input"]))
def test_a_key_is_judged_as_the_program_judges_it(gateway: Gateway, vector: dict[str, Any]) -> None:
    answer = gateway.send("/v1/models", key=bytes_as_header(vector["input"]))
    if not vector["normalised"]:
        expected = "missing_api_key"
    elif vector["well_formed"] or not vector["normalised"].startswith("ws-"):
        expected = "invalid_api_key"
    else:
        expected = "mistyped_api_key"
        assert "card" in answer.error["message"]
    assert (answer.status, answer.error["code"]) == (401, expected)


def test_a_key_is_hashed_as_the_program_hashes_it(start_gateway: Callable[[GatewayConfig], Gateway]) -> None:
    digests = {vector["sha256"] for vector in VECTORS if vector["normalised"]}
    everybody = Caller("everybody", tuple(sorted(digests)), ("m",))
    upstream = Upstream("m", (Server("nobody", 80),), "m")
    knowing = start_gateway(
        GatewayConfig("test", "Test", (everybody,), (RoutedModel("m", ("m",), "llamacpp"),), (upstream,))
    )
    for vector in VECTORS:
        if vector["normalised"]:
            assert names(knowing, bytes_as_header(vector["input"])) == ["m"], vector["input"]


def test_open_webui_asks_on_behalf_of_the_person_it_names(gateway: Gateway) -> None:
    answer = gateway.send("/v1/chat/completions", ASK, key="sk-open-webui", headers={MAIL: "BOB@example.org"})
    assert answer.status == 200
    assert (gateway.record(answer)["participant"], gateway.record(answer)["via"]) == ("bob", "open-webui")


def test_open_webui_gets_that_persons_models_and_limits(gateway: Gateway) -> None:
    bob = {MAIL: "bob@example.org"}
    assert gateway.send("/v1/chat/completions", ASK | {"model": "pair"}, key="sk-open-webui", headers=bob).status == 404
    asked = [
        gateway.send("/v1/chat/completions", ASK, key="sk-open-webui", headers={MAIL: "three@example.org"}).status
        for _ in range(4)
    ]
    assert asked[-1] == 429


def test_open_webui_lists_every_model_whoever_looks_because_it_keeps_one_list_for_all(
    gateway: Gateway, config: GatewayConfig
) -> None:
    everything = [model.name for model in config.models]
    assert sorted(names(gateway, "sk-open-webui")) == sorted(everything)
    for mail in ("bob@example.org", "unknown@example.org"):
        assert sorted(names(gateway, "sk-open-webui", **{MAIL: mail})) == sorted(everything)


@pytest.mark.parametrize("mail", ["", "unknown@example.org", "__proto__", "bob@example.org, ada@example.org"])
def test_open_webui_may_not_ask_for_a_person_who_is_unknown(gateway: Gateway, mail: str) -> None:
    answer = gateway.send("/v1/chat/completions", ASK, key="sk-open-webui", headers={MAIL: mail})
    assert (answer.status, answer.error["code"]) == (403, "unknown_person")


def test_nobody_else_may_name_a_person(gateway: Gateway) -> None:
    answer = gateway.send("/v1/chat/completions", ASK, key="sk-bob", headers={MAIL: "ada@example.org"})
    assert (gateway.record(answer)["participant"], gateway.record(answer)["via"]) == ("bob", None)
