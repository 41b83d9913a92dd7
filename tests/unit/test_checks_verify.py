"""verify against a stub: green when all is as it must be, and each check red when its own matter is wrong."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.checks.check import Check
from orchestrator.checks.refusals import mistyped
from orchestrator.identity import keys
from orchestrator.plan.gateway import Window
from tests.unit.checks_asked import QUICK, about, ask, on, one, wrong
from tests.unit.checks_stub import (
    ANSWER,
    Asked,
    Reply,
    StubGateway,
    StubServer,
    StubWebUI,
    error,
    event,
    key_of,
    password_of,
    serving,
    subject,
    webui_key_of,
)


@pytest.fixture
def api() -> Iterator[StubServer]:
    with serving(StubGateway()) as server:
        yield server


@pytest.fixture
def webui() -> Iterator[StubServer]:
    with serving(StubWebUI()) as server:
        yield server


def test_a_workshop_that_works_has_nothing_red(api: StubServer, webui: StubServer) -> None:
    checks = ask(subject(api.url, webui.url))

    assert wrong(checks) == []
    assert len(checks) == len({(check.name, check.target) for check in checks}), "each line of the table is its own"
    assert "first words after" in one(checks, "Question, streamed", "chat").got
    assert one(checks, "Question", "red-only").got == "an answer of 2 tokens"
    assert one(checks, "List of models", "API, team red").got == "chat, small, red-only"


def test_the_order_is_the_same_however_many_ask(api: StubServer, webui: StubServer) -> None:
    def order(workers: int) -> list[tuple[str, str]]:
        told: list[Check] = []
        checks = ask(subject(api.url, webui.url), report=told.append, workers=workers)
        assert tuple(told) == checks
        return [(check.name, check.target) for check in checks]

    assert order(1) == order(4) == order(16)


def test_json_has_the_documented_keys(api: StubServer) -> None:
    check = ask(subject(api.url))[0]

    assert set(check.as_dict()) == {"name", "target", "expected", "got", "ok", "seconds"}


LISTS = [
    Reply(200, {"data": [{"id": "chat"}]}),
    Reply(200, {"data": [{"id": "chat"}, {"id": "small"}, {"id": "red-only"}, {"id": "more"}]}),
    Reply(200, {"data": "chat"}),
    Reply(200, "<html>", "text/html"),
    Reply(500, {"detail": "oh"}),
]


@pytest.mark.parametrize("reply", LISTS)
def test_a_wrong_list_of_models_is_seen(api: StubServer, reply: Reply) -> None:
    good = key_of("_verify-red").get_secret_value()
    api.stub.overrides.append(lambda asked: reply if asked.path == "/v1/models" and asked.key == good else None)

    assert wrong(ask(subject(api.url))) == [("List of models", "API, team red")]


def test_a_wrong_list_in_ollamas_form_is_seen(api: StubServer) -> None:
    good = key_of("_verify").get_secret_value()
    reply = Reply(200, {"models": [{"name": "small:latest"}, {"name": "chat:latest"}]})
    api.stub.overrides.append(lambda asked: reply if asked.path == "/ollama/api/tags" and asked.key == good else None)

    assert wrong(ask(subject(api.url))) == [("List of models", "Ollama API, everybody")]


@pytest.mark.parametrize(
    ("reply", "got"),
    [
        (Reply(200, {"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}), "an empty answer"),
        (Reply(200, {"choices": []}), "an answer that is not understood"),
        (Reply(200, "<html>", "text/html"), "an answer that is not understood"),
        (error(503, "model_unavailable"), "503 model_unavailable: about model_unavailable"),
        (Reply(500, "Internal Server Error", "text/plain"), "500"),
    ],
)
def test_a_model_that_does_not_answer_is_seen(api: StubServer, reply: Reply, got: str) -> None:
    api.stub.overrides.append(about("chat", "/v1/chat/completions", reply, stream=False))

    checks = ask(subject(api.url))

    assert wrong(checks) == [("Question", "chat")]
    assert one(checks, "Question", "chat").got == got


def test_tokens_without_text_are_an_answer_when_there_were_as_many_as_allowed(api: StubServer) -> None:
    full = {"choices": [{"message": {"content": ""}, "finish_reason": "length"}], "usage": {"completion_tokens": 16}}
    api.stub.overrides.append(about("chat", "/v1/chat/completions", Reply(200, full), stream=False))

    assert wrong(ask(subject(api.url))) == []


@pytest.mark.parametrize(
    ("pieces", "got"),
    [
        ((event({"content": "Good"}, "stop"),), "a stream without [DONE] at its end"),
        ((event({"role": "assistant"}), event({}, "stop"), "data: [DONE]\n\n"), "a stream without words"),
        (('data: {"error": {"message": "out of memory"}}\n\n',), "broke off with an error: out of memory"),
        (("data: oh\n\n",), "an answer that is not understood"),
    ],
)
def test_a_stream_that_is_none_is_seen(api: StubServer, pieces: tuple[str, ...], got: str) -> None:
    reply = Reply(200, pieces=pieces, kind="text/event-stream")
    api.stub.overrides.append(about("chat", "/v1/chat/completions", reply, stream=True))

    checks = ask(subject(api.url))

    assert wrong(checks) == [("Question, streamed", "chat")]
    assert one(checks, "Question, streamed", "chat").got == got


def test_the_time_to_the_first_words_is_told(api: StubServer) -> None:
    pieces = (event({"content": "Good"}), event({"content": " day"}, "stop"), "data: [DONE]\n\n")
    reply = Reply(200, pieces=pieces, pause=0.2)
    api.stub.overrides.append(about("chat", "/v1/chat/completions", reply, stream=True))

    check = one(ask(subject(api.url)), "Question, streamed", "chat")

    words = check.got.split()
    assert check.ok
    assert 0.2 <= float(words[3]) < check.seconds - 0.3
    assert words[-2:] == ["2", "pieces"]


@pytest.mark.parametrize("lines", ['{"message":{"content":"Good"}}\n', '{"done":true}\n', '{"error":"no"}\n', "oh\n"])
def test_an_ollama_stream_that_is_none_is_seen(api: StubServer, lines: str) -> None:
    api.stub.overrides.append(on("/ollama/api/chat", Reply(200, pieces=(lines,))))

    assert ("Question, Ollama API", "small") in wrong(ask(subject(api.url)))


def test_a_model_that_only_embeds_is_asked_for_an_embedding(api: StubServer) -> None:
    no_chat = Reply(400, {"error": {"message": "The model does not support Chat Completions API", "code": None}})
    for stream in (False, True):
        api.stub.overrides.append(about("chat", "/v1/chat/completions", no_chat, stream=stream))
    assert wrong(ask(subject(api.url))) == [("Question", "chat"), ("Question, streamed", "chat")]

    api.stub.overrides.append(on("/v1/embeddings", Reply(200, {"data": [{"embedding": [0.5, 0.25]}]})))
    assert one(ask(subject(api.url)), "Question", "chat").got == "an embedding of 2 numbers; this model does not chat"


def test_a_model_that_no_verifier_may_use_is_seen(api: StubServer) -> None:
    alone = replace(subject(api.url), verifiers=subject(api.url).verifiers[:1])

    assert wrong(ask(alone)) == [("Question", "red-only")]


@pytest.mark.parametrize(
    ("window", "code"), [(Window(opens=2000), "event_not_open"), (Window(opens=10, closes=1000), "event_closed")]
)
def test_outside_the_window_a_participant_is_told_so(api: StubServer, window: Window, code: str) -> None:
    assert isinstance(api.stub, StubGateway)
    outside = replace(subject(api.url), window=window)

    assert wrong(ask(outside)) == [("Participant's key now", "API, p01")]
    api.stub.window = "event_closed" if code == "event_not_open" else "event_not_open"
    assert wrong(ask(outside)) == [("Participant's key now", "API, p01")]
    api.stub.window = code
    assert wrong(ask(outside)) == []


def test_within_the_window_a_participants_key_works(api: StubServer) -> None:
    assert isinstance(api.stub, StubGateway)
    within = replace(subject(api.url), window=Window(opens=10, closes=2000))

    assert wrong(ask(within)) == []
    api.stub.window = "event_closed"
    assert wrong(ask(within)) == [("Participant's key", "API, p01")]


def test_a_gateway_that_is_not_there_is_one_line_and_quick() -> None:
    began = time.monotonic()

    checks = ask(subject("http://127.0.0.1:1"))

    assert wrong(checks) == [("Gateway", "http://127.0.0.1:1")]
    assert checks[0].got == "connection refused: nothing listens there"
    assert time.monotonic() - began < 2


def test_a_name_that_is_not_known_is_said() -> None:
    assert ask(subject("http://workshop.invalid"))[0].got == "the name of the server is not known here"


def test_a_model_that_never_answers_is_waited_for_so_long_and_no_longer(api: StubServer) -> None:
    api.stub.overrides.append(about("chat", "/v1/chat/completions", Reply(200, ANSWER, pause=4), stream=False))
    patience = replace(QUICK, answer=0.4)

    checks = ask(subject(api.url), patience=patience)

    check = one(checks, "Question", "chat")
    assert (check.ok, check.got) == (False, "no answer within 0.4 seconds")
    assert 0.4 <= check.seconds < 1.5


def test_a_stream_that_drips_for_ever_is_left(api: StubServer) -> None:
    drips = Reply(200, pieces=(event({"content": "a"}),) * 200, pause=0.05)
    api.stub.overrides.append(about("chat", "/v1/chat/completions", drips, stream=True))
    patience = replace(QUICK, answer=0.4)

    checks = ask(subject(api.url), patience=patience)

    check = one(checks, "Question, streamed", "chat")
    assert (check.ok, check.got) == (False, "no answer within 0.4 seconds")
    assert check.seconds < 1.5


def test_an_answer_without_end_is_left(api: StubServer) -> None:
    flood = Reply(200, pieces=("x" * (1 << 20),) * 8)
    api.stub.overrides.append(about("chat", "/v1/chat/completions", flood, stream=False))

    assert one(ask(subject(api.url)), "Question", "chat").got == "an answer without end"


def test_no_secret_gets_into_the_table(api: StubServer, webui: StubServer) -> None:
    """Servers that repeat all that they were told, in every spelling."""

    def echo(asked: Asked) -> Reply | None:
        if asked.path in {"/healthz", "/health"}:
            return None
        said = f"\x1b[31m{asked.key} {keys.normalise(asked.key or '')} {(asked.key or '').upper()} {asked.body}"
        return Reply(400, {"detail": said, "error": {"message": said, "code": said}} if asked.key else {"detail": said})

    api.stub.overrides.append(echo)
    webui.stub.overrides.append(echo)

    checks = ask(subject(api.url, webui.url))

    people = ("_verify", "_verify-red", "p01", "p99")
    secrets = [make(person).get_secret_value() for person in people for make in (key_of, webui_key_of, password_of)]
    secrets += [mistyped(key_of(person)).get_secret_value() for person in people[:2]]
    text = " ".join(f"{check.name} {check.target} {check.expected} {check.got}" for check in checks).lower()
    assert "[secret]" in text
    assert [secret for secret in secrets if secret in text or keys.normalise(secret) in text] == []
    assert "\x1b" not in text
    assert max(len(check.got) for check in checks) <= 300
