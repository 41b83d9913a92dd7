"""verify asks with a tool, and for a form, on each route that an engine has, and sees what is wrong there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.checks.subject import Subject
from orchestrator.checks.tools import TAKEN
from orchestrator.engines.container import MESSAGES, RESPONSES
from tests.unit.checks_asked import ask, on, one, wrong
from tests.unit.checks_stub import Reply, StubGateway, StubServer, error, serving, subject
from tests.unit.checks_ways import MESSAGE, MESSAGE_EVENTS, RESPONSE, RESPONSE_EVENTS, named

WITH_A_TOOL = ("Question with a tool", "Question with a tool, streamed", "Question with a JSON schema")
AT_RESPONSES, AT_MESSAGES = "Question with a tool, Responses API", "Question with a tool, Anthropic API"
NAMES = {RESPONSES: AT_RESPONSES, MESSAGES: AT_MESSAGES}


@pytest.fixture
def api() -> Iterator[StubServer]:
    with serving(StubGateway()) as server:
        yield server


def with_tools(url: str, *routes: str) -> Subject:
    """`chat` says that it takes tools, on these routes too."""
    asked = subject(url)
    models = (replace(one, tools=True, routes=routes) if one.name == "chat" else one for one in asked.models)
    return replace(asked, models=tuple(models))


def of_a_provider(url: str) -> Subject:
    """Nobody says what `chat` takes, and where."""
    asked = subject(url)
    models = (replace(one, routes=None) if one.name == "chat" else one for one in asked.models)
    return replace(asked, models=tuple(models))


def test_who_says_that_it_takes_tools_is_asked_with_one_and_for_a_form(api: StubServer) -> None:
    checks = ask(with_tools(api.url))
    assert wrong(checks) == []
    assert [(check.name, check.target) for check in checks if check.name in WITH_A_TOOL] == [
        (name, "chat") for name in WITH_A_TOOL
    ]
    assert [asked.body["tools"][0]["function"]["name"] for asked in api.asked if "tools" in asked.body] == [
        "weather"
    ] * 2


@pytest.mark.parametrize("field", ["tools", "response_format"])
@pytest.mark.parametrize("why", ["invalid", "it does not support response_format"])
def test_a_model_that_refuses_them_is_seen(api: StubServer, field: str, why: str) -> None:
    refusal = Reply(400, {"error": {"message": why, "code": None}})
    api.stub.overrides.append(lambda asked: refusal if field in asked.body else None)
    red = [name for name in WITH_A_TOOL if name.endswith("schema") == (field == "response_format")]
    assert wrong(ask(with_tools(api.url))) == [(name, "chat") for name in red]


def test_a_call_without_words_is_an_answer(api: StubServer) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    answer = Reply(
        200, {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    )
    api.stub.overrides.append(lambda asked: answer if "tools" in asked.body and not asked.body["stream"] else None)
    assert wrong(ask(with_tools(api.url))) == []


def test_a_model_without_a_place_for_tools_says_so_and_that_is_fine(api: StubServer) -> None:
    """As Ollama answers for a model whose template has none."""
    says = Reply(400, {"error": {"message": "registry.ollama.ai/library/gemma3:4b does not support tools"}})
    api.stub.overrides.append(lambda asked: says if "tools" in asked.body else None)
    checks = ask(with_tools(api.url))
    assert wrong(checks) == []
    assert one(checks, "Question with a tool", "chat").got == "it says that it takes no tools"


def test_a_model_that_only_embeds_need_not_call_tools(api: StubServer) -> None:
    no_chat = Reply(400, {"error": {"message": "The model does not support Chat Completions API", "code": None}})
    embedding = Reply(200, {"data": [{"embedding": [0.5, 0.25]}]})
    api.stub.overrides.append(
        lambda asked: no_chat if asked.path.endswith("/chat/completions") and asked.body["model"] == "chat" else None
    )
    api.stub.overrides.append(on("/v1/embeddings", embedding))
    checks = ask(with_tools(api.url))
    assert {one(checks, name, "chat").got for name in WITH_A_TOOL} == {"this model does not chat"}
    assert [name for name, _ in wrong(checks) if name in WITH_A_TOOL] == []


def test_an_engine_is_asked_on_the_routes_that_it_has(api: StubServer) -> None:
    for routes in ((), (RESPONSES,), (RESPONSES, MESSAGES)):
        api.asked.clear()
        checks = ask(with_tools(api.url, *routes))
        assert wrong(checks) == []
        assert {check.name for check in checks} & {*NAMES.values()} == {NAMES[route] for route in routes}
        assert {asked.path for asked in api.asked} & {*NAMES} == {*routes}
    assert one(checks, AT_RESPONSES, "chat").expected == TAKEN


def test_each_route_gets_a_tool_in_its_own_form_whole_and_streamed(api: StubServer) -> None:
    ask(with_tools(api.url, RESPONSES, MESSAGES))
    at = {route: [asked.body for asked in api.asked if asked.path == route] for route in NAMES}
    assert [(body.get("stream", False), "tools" in body) for body in at[RESPONSES]] == [
        (False, True),
        (False, False),
        (True, True),
    ]
    assert [(body.get("stream", False), "tools" in body) for body in at[MESSAGES]] == [(False, True), (True, True)]
    assert {tuple(sorted(body["tools"][0])) for body in at[RESPONSES] if "tools" in body} == {
        ("description", "name", "parameters", "type")
    }
    assert {tuple(sorted(body["tools"][0])) for body in at[MESSAGES]} == {("description", "input_schema", "name")}
    assert at[RESPONSES][1]["text"]["format"].keys() == {"type", "name", "schema", "strict"}


@pytest.mark.parametrize("route", NAMES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_engines_refusal_is_seen(api: StubServer, route: str, status: int, *, stream: bool) -> None:
    api.stub.overrides.append(on(route, error(status, "no"), only=stream))
    checks = ask(with_tools(api.url, RESPONSES, MESSAGES))
    assert wrong(checks) == [(NAMES[route], "chat")]
    what = "streamed" if stream else "whole"
    assert one(checks, NAMES[route], "chat").got == f"{what}: {status} no: about no"


@pytest.mark.parametrize(
    ("route", "whole"),
    [
        (RESPONSES, {}),
        (RESPONSES, {**RESPONSE, "object": "chat.completion"}),
        (RESPONSES, {**RESPONSE, "status": "failed"}),
        (RESPONSES, {**RESPONSE, "output": None}),
        (MESSAGES, {**MESSAGE, "type": "error"}),
        (MESSAGES, {**MESSAGE, "content": "Good day"}),
        (MESSAGES, {**MESSAGE, "stop_reason": None}),
        (MESSAGES, RESPONSE),
    ],
)
def test_an_answer_in_another_form_is_seen(api: StubServer, route: str, whole: dict[str, Any]) -> None:
    api.stub.overrides.append(on(route, Reply(200, whole), only=False))
    checks = ask(with_tools(api.url, RESPONSES, MESSAGES))
    assert wrong(checks) == [(NAMES[route], "chat")]
    assert one(checks, NAMES[route], "chat").got == "whole: an answer that is not understood"


def test_a_form_that_alone_is_refused_is_seen(api: StubServer) -> None:
    refusal = error(400, "no")
    api.stub.overrides.append(lambda asked: refusal if "text" in asked.body else None)
    checks = ask(with_tools(api.url, RESPONSES))
    assert one(checks, AT_RESPONSES, "chat").got == "with a JSON schema: 400 no: about no"


BROKEN = "data: {\n\n"
OVER = named("error", error={"type": "api_error", "message": "out of memory"})
FAILED = named("response.failed", response={"error": {"code": "server_error", "message": "out of memory"}})


@pytest.mark.parametrize(
    ("route", "pieces", "got"),
    [
        (RESPONSES, (), "an answer that is not understood"),
        (RESPONSES, (*RESPONSE_EVENTS[:1], BROKEN, *RESPONSE_EVENTS[1:]), "an answer that is not understood"),
        (RESPONSES, RESPONSE_EVENTS[1:], "a stream that begins with response.output_text.delta, not response.created"),
        (
            RESPONSES,
            RESPONSE_EVENTS[:-1],
            "a stream without response.completed or response.incomplete at its end",
        ),
        (RESPONSES, (*RESPONSE_EVENTS[:1], FAILED), "broke off with an error: out of memory"),
        (RESPONSES, (*RESPONSE_EVENTS[:1], named("error", message="gone")), "broke off with an error: gone"),
        (MESSAGES, (*MESSAGE_EVENTS[:1], OVER), "broke off with an error: out of memory"),
        (MESSAGES, MESSAGE_EVENTS[:-1], "a stream without message_stop at its end"),
        (MESSAGES, MESSAGE_EVENTS[1:], "a stream that begins with ping, not message_start"),
        (
            MESSAGES,
            tuple(event.partition("\n")[2] for event in MESSAGE_EVENTS),
            "an event message_start that is called nothing",
        ),
        (
            RESPONSES,
            (*RESPONSE_EVENTS[:1], RESPONSE_EVENTS[1].replace("event: response", "event: answer")),
            "an event response.output_text.delta that is called answer.output_text.delta",
        ),
    ],
)
def test_a_stream_that_is_none_of_that_route_is_seen(
    api: StubServer, route: str, pieces: tuple[str, ...], got: str
) -> None:
    api.stub.overrides.append(on(route, Reply(200, pieces=pieces, kind="text/event-stream"), only=True))
    checks = ask(with_tools(api.url, RESPONSES, MESSAGES))
    assert wrong(checks) == [(NAMES[route], "chat")]
    assert one(checks, NAMES[route], "chat").got == f"streamed: {got}"


def test_events_of_a_response_need_no_name_and_may_end_with_openais_older_mark(api: StubServer) -> None:
    nameless = (*(event.partition("\n")[2] for event in RESPONSE_EVENTS), "data: [DONE]\n\n")
    api.stub.overrides.append(on(RESPONSES, Reply(200, pieces=nameless, kind="text/event-stream"), only=True))
    checks = ask(with_tools(api.url, RESPONSES))
    assert wrong(checks) == []
    assert one(checks, AT_RESPONSES, "chat").got.endswith(" s, 3 events")


@pytest.mark.parametrize("reply", [error(400, "no"), error(404, "no"), error(405, "no"), error(501, "no")])
@pytest.mark.parametrize("route", NAMES)
def test_a_provider_need_not_have_a_route(api: StubServer, route: str, reply: Reply) -> None:
    api.stub.overrides.append(on(route, reply))
    checks = ask(of_a_provider(api.url))
    assert wrong(checks) == []
    assert one(checks, NAMES[route], "chat").got.startswith("its provider does not take it: ")
    assert not [check for check in checks if check.name in WITH_A_TOOL]


def test_a_provider_that_opens_it_to_no_such_key_need_not_have_it_either(api: StubServer) -> None:
    """The gateway's word for 401 and 403."""
    api.stub.overrides.append(on(MESSAGES, error(502, "backend_auth_failed")))
    assert wrong(ask(of_a_provider(api.url))) == []


@pytest.mark.parametrize("reply", [error(503, "model_unavailable"), Reply(200, "<html>", "text/html")])
@pytest.mark.parametrize("route", NAMES)
def test_a_provider_that_has_it_must_answer_there(api: StubServer, route: str, reply: Reply) -> None:
    api.stub.overrides.append(on(route, reply))
    assert wrong(ask(of_a_provider(api.url))) == [(NAMES[route], "chat")]


@pytest.mark.parametrize(
    "said", ["registry.ollama.ai/library/gemma3:4b does not support tools", "The model does not support Responses API"]
)
def test_a_model_may_say_no_there_as_at_openais_chat(api: StubServer, said: str) -> None:
    api.stub.overrides.append(on(RESPONSES, Reply(400, {"error": {"message": said}})))
    assert wrong(ask(with_tools(api.url, RESPONSES, MESSAGES))) == []
