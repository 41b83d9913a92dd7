"""verify sees it when a key, a model or a route that must be refused is not."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from orchestrator.checks import refusals
from orchestrator.checks.asking import Server
from orchestrator.checks.refusals import DETOURS, ENGINE_ROUTES, OLLAMA_ADMIN, mistyped
from orchestrator.checks.trust import authorities
from orchestrator.identity import keys
from tests.unit.checks_asked import QUICK, ask, on, one, with_key, wrong
from tests.unit.checks_stub import (
    ANSWER,
    Asked,
    Reply,
    StubGateway,
    StubServer,
    chat,
    error,
    key_of,
    serving,
    subject,
)


@pytest.fixture
def api() -> Iterator[StubServer]:
    with serving(StubGateway()) as server:
        yield server


LISTED = Reply(200, {"data": [{"id": "chat"}]})
KEYS_GET_IN = [
    ("No key", None),
    ("Mistyped key", mistyped(key_of("_verify"))),
    ("Removed participant's key", key_of("p99")),
]


@pytest.mark.parametrize(("name", "key"), KEYS_GET_IN)
@pytest.mark.parametrize("path", ["/v1/models", "/ollama/api/tags", "/v1/chat/completions"])
def test_a_key_that_must_not_work_but_does_is_seen(
    api: StubServer, name: str, key: SecretStr | None, path: str
) -> None:
    lets_in = with_key(key, LISTED)
    api.stub.overrides.append(lambda asked: lets_in(asked) if asked.path == path else None)

    checks = ask(subject(api.url))

    assert wrong(checks) == [(name, "API")]
    assert one(checks, name, "API").got == "200"


def test_an_unknown_key_that_works_is_seen(api: StubServer) -> None:
    known = {keys.fingerprint(key_of(person)) for person in ("_verify", "_verify-red", "p01", "p99")}

    def lets_strangers_in(asked: Asked) -> Reply | None:
        stranger = asked.key and keys.is_well_formed(asked.key) and keys.fingerprint(asked.key) not in known
        return LISTED if stranger else None

    api.stub.overrides.append(lets_strangers_in)

    assert wrong(ask(subject(api.url))) == [("Unknown key", "API")]


def test_a_mistyped_key_must_be_told_apart(api: StubServer) -> None:
    api.stub.overrides.append(with_key(mistyped(key_of("_verify")), error(401, "invalid_api_key")))

    checks = ask(subject(api.url))

    assert wrong(checks) == [("Mistyped key", "API")]
    assert one(checks, "Mistyped key", "API").got == "401 invalid_api_key"


def test_a_refusal_without_the_gateways_code_is_none(api: StubServer) -> None:
    api.stub.overrides.append(with_key(None, Reply(401, {"error": "unauthorized"})))
    health = Reply(200, "ok\n", "text/plain")
    api.stub.overrides.insert(0, on("/healthz", health))

    assert wrong(ask(subject(api.url))) == [("No key", "API")]


@pytest.mark.parametrize(
    "reply", [Reply(200, ANSWER), error(403, "model_not_found"), Reply(404, {"error": "model 'x' not found"})]
)
def test_another_teams_model_that_is_reached_is_seen(api: StubServer, reply: Reply) -> None:
    def leak(asked: Asked) -> Reply | None:
        return (
            reply
            if asked.body.get("model") == "red-only" and asked.key == key_of("_verify").get_secret_value()
            else None
        )

    api.stub.overrides.append(leak)

    assert wrong(ask(subject(api.url))) == [("Another team's model", "API, everybody: red-only")]


def test_a_hidden_model_that_somebody_can_name_is_seen(api: StubServer) -> None:
    room = replace(subject(api.url), hidden=("spare",))
    assert wrong(ask(room)) == []

    api.stub.overrides.append(lambda asked: chat(asked) if asked.body.get("model") == "spare" else None)

    assert wrong(ask(room)) == [("Hidden model", "API, team red: spare")]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}),
        Reply(404, {"error": "model not found"}),
        error(404, "model_not_found"),
        error(502, "model_unavailable"),
    ],
    ids=["done", "refused by the engine", "only the model refused", "on its way to the engine"],
)
def test_each_route_that_passes_the_gateway_is_seen(api: StubServer, reply: Reply) -> None:
    routes = {*OLLAMA_ADMIN, *ENGINE_ROUTES, *DETOURS}
    api.stub.overrides.append(lambda asked: reply if (asked.method, asked.path) in routes else None)
    server = Server(api.url, authorities(None), QUICK)
    questions = [lane[0] for lane in refusals.lanes(subject(api.url), server) if lane[0].expected == "all closed"]

    outcomes = [question.ask() for question in questions]

    assert [outcome.ok for outcome in outcomes] == [False, False, False]
    leaks = "; ".join(outcome.got for outcome in outcomes).split("; ")
    assert {tuple(leak.split(":")[0].split(" ")) for leak in leaks} == routes


def test_the_routes_of_ollama_and_vllm_that_the_gateway_must_not_pass_are_asked_as_they_are(api: StubServer) -> None:
    assert wrong(ask(subject(api.url))) == []

    paths = {asked.path for asked in api.asked}
    assert {"/ollama/api/pull", "/ollama/api/delete", "/ollama/api/create", "/tokenize", "/pause", "/metrics"} <= paths
    assert {"/invocations", "/pooling", "/v1/../tokenize", "/v1/%2E%2E/tokenize"} <= paths


def test_no_question_to_a_forbidden_route_could_do_harm(api: StubServer) -> None:
    ask(subject(api.url))

    harmful = {"/pause", "/sleep", "/update_weights", "/abort_requests"}
    for asked in api.asked:
        if asked.normal_path in harmful:
            assert asked.method == "GET"
        elif asked.normal_path in {"/ollama/api/pull", "/ollama/api/delete", "/ollama/api/create", "/api/pull"}:
            assert asked.body["model"] == "no-such-model"
