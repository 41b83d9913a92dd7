"""verify against a stub: green when all is as it must be, and each check red when its own matter is wrong."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from checks_stub import (
    ANSWER,
    Asked,
    Override,
    Reply,
    StubGateway,
    StubServer,
    StubWebUI,
    chat,
    error,
    event,
    key_of,
    mail_of,
    password_of,
    serving,
    subject,
    webui_key_of,
)
from pydantic import SecretStr

from orchestrator import keys
from orchestrator.checks import refusals, verification
from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.check import Check
from orchestrator.checks.refusals import DETOURS, ENGINE_ROUTES, OLLAMA_ADMIN, mistyped
from orchestrator.checks.subject import Subject
from orchestrator.checks.trust import authorities
from orchestrator.checks.verification import verify
from orchestrator.plan.gateway import Window

QUICK = Patience(connect=0.5, look=1.5, answer=1.5)


@pytest.fixture(scope="module", autouse=True)
def _authorities_once() -> Iterator[None]:
    """Reading the system's authorities takes as long as all questions together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "authorities", cache(authorities))
        yield


@pytest.fixture
def api() -> Iterator[StubServer]:
    with serving(StubGateway()) as server:
        yield server


@pytest.fixture
def webui() -> Iterator[StubServer]:
    with serving(StubWebUI()) as server:
        yield server


def ask(asked: Subject) -> tuple[Check, ...]:
    return verify(asked, report=lambda _: None, patience=QUICK)


def wrong(checks: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(check.name, check.target) for check in checks if not check.ok]


def one(checks: tuple[Check, ...], name: str, target: str) -> Check:
    (found,) = [check for check in checks if (check.name, check.target) == (name, target)]
    return found


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
        checks = verify(subject(api.url, webui.url), report=told.append, workers=workers, patience=QUICK)
        assert tuple(told) == checks
        return [(check.name, check.target) for check in checks]

    assert order(1) == order(4) == order(16)


def test_json_has_the_documented_keys(api: StubServer) -> None:
    check = ask(subject(api.url))[0]

    assert set(check.as_dict()) == {"name", "target", "expected", "got", "ok", "seconds"}


def on(path: str, reply: Reply, *, only: bool | None = None) -> Override:
    """Wrong at one path; `only`: streamed questions or not."""

    def override(asked: Asked) -> Reply | None:
        fits = asked.path == path and (only is None or asked.body.get("stream", False) == only)
        return reply if fits else None

    return override


def with_key(key: SecretStr | None, reply: Reply) -> Override:
    text = keys.normalise(key.get_secret_value()) if key else None
    return lambda asked: reply if (keys.normalise(asked.key) if asked.key else None) == text else None


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


def about(model: str, path: str, reply: Reply, *, stream: bool) -> Override:
    def override(asked: Asked) -> Reply | None:
        fits = asked.path == path and asked.body.get("model") == model and asked.body.get("stream", False) == stream
        return reply if fits and asked.body.get("max_tokens") != 1 else None

    return override


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


WEBUI_WRONG = [
    (on("/health", Reply(503, "<html>", "text/html")), "Open WebUI"),
    (on("/health", Reply(200, "<html>", "text/html")), "Open WebUI"),
    (on("/api/v1/auths/signup", Reply(200, {"token": "jwt"})), "Sign-up by a stranger"),
    (on("/api/v1/auths/signup", Reply(400, {"detail": "The email format is invalid"})), "Sign-up by a stranger"),
    (with_key(None, Reply(200, {"data": []})), "No key"),
    (about("chat", "/api/chat/completions", Reply(400, {"detail": "Model not found"}), stream=False), "Question"),
    (about("chat", "/api/chat/completions", Reply(200, ANSWER), stream=True), "Question, streamed"),
]


@pytest.mark.parametrize(("override", "name"), WEBUI_WRONG)
def test_each_wrong_thing_in_open_webui_is_seen(
    api: StubServer, webui: StubServer, override: Override, name: str
) -> None:
    keyless = name == "No key"
    webui.stub.overrides.append(
        lambda asked: override(asked) if not keyless or asked.path.startswith("/api/models") else None
    )

    assert [found for found, _ in wrong(ask(subject(api.url, webui.url)))] == [name]


def test_another_teams_model_in_open_webui_is_seen(api: StubServer, webui: StubServer) -> None:
    stranger = webui_key_of("_verify").get_secret_value()

    def leak(asked: Asked) -> Reply | None:
        return Reply(200, ANSWER) if asked.body.get("model") == "red-only" and asked.key == stranger else None

    webui.stub.overrides.append(leak)

    assert wrong(ask(subject(api.url, webui.url))) == [("Another team's model", "Open WebUI, everybody: red-only")]


def test_a_key_that_open_webui_does_not_know_proves_nothing_about_models(api: StubServer, webui: StubServer) -> None:
    webui.stub.overrides.append(with_key(webui_key_of("_verify"), Reply(401, {"detail": "Your session has expired"})))

    assert ("Another team's model", "Open WebUI, everybody: red-only") in wrong(ask(subject(api.url, webui.url)))


@pytest.mark.parametrize("ids", [["chat"], ["chat", "small", "red-only"]])
def test_a_wrong_list_in_open_webui_is_seen(api: StubServer, webui: StubServer, ids: list[str]) -> None:
    webui.stub.overrides.append(
        lambda asked: (
            Reply(200, {"data": [{"id": name} for name in ids]})
            if asked.path == "/api/models" and asked.key == webui_key_of("_verify").get_secret_value()
            else None
        )
    )

    assert wrong(ask(subject(api.url, webui.url))) == [("List of models", "Open WebUI, everybody")]


def test_what_the_instructor_added_in_open_webui_is_named_and_no_fault(api: StubServer, webui: StubServer) -> None:
    own = Reply(200, {"data": [{"id": "chat"}, {"id": "small"}, {"id": "tutor"}]})
    mine = webui_key_of("_verify").get_secret_value()
    webui.stub.overrides.append(lambda asked: own if asked.path == "/api/models" and asked.key == mine else None)

    checks = ask(subject(api.url, webui.url))

    assert wrong(checks) == []
    assert one(checks, "List of models", "Open WebUI, everybody").got == "chat, small (and, not of the workshop: tutor)"


@pytest.mark.parametrize(
    ("reply", "got"),
    [
        (Reply(400, {"detail": "The email or password provided is incorrect."}), "400 The email or password"),
        (Reply(429, {"detail": "API rate limit exceeded"}), "429: too many sign-ins lately"),
        (Reply(200, {"token": "jwt", "email": mail_of("_verify-red"), "role": "admin"}), "signed in as"),
        (Reply(200, {"next_step": "enroll"}), "an answer that is not understood"),
    ],
)
def test_a_sign_in_that_fails_is_seen(api: StubServer, webui: StubServer, reply: Reply, got: str) -> None:
    webui.stub.overrides.append(
        lambda asked: reply if asked.body.get("email") == mail_of("_verify-red") else None,
    )

    checks = ask(subject(api.url, webui.url))

    assert wrong(checks) == [("Sign-in with a password", "Open WebUI, team red")]
    assert one(checks, "Sign-in with a password", "Open WebUI, team red").got.startswith(got)


def test_each_verifier_signs_in_once(api: StubServer, webui: StubServer) -> None:
    ask(subject(api.url, webui.url))

    assert sum(asked.path == "/api/v1/auths/signin" for asked in webui.asked) == 2


def test_a_verifier_without_account_is_told_and_not_asked(api: StubServer, webui: StubServer) -> None:
    whole = subject(api.url, webui.url)
    bare = replace(whole.verifiers[0], webui_password=None, webui_api_key=None)

    checks = ask(replace(whole, verifiers=(bare, whole.verifiers[1])))

    assert one(checks, "Sign-in with a password", "Open WebUI, everybody").got.startswith("not asked: no password")
    assert one(checks, "Question", "Open WebUI, chat").got.startswith("not asked: no API key")


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

    checks = verify(subject(api.url), report=lambda _: None, patience=patience)

    check = one(checks, "Question", "chat")
    assert (check.ok, check.got) == (False, "no answer within 0.4 seconds")
    assert 0.4 <= check.seconds < 1.5


def test_a_stream_that_drips_for_ever_is_left(api: StubServer) -> None:
    drips = Reply(200, pieces=(event({"content": "a"}),) * 200, pause=0.05)
    api.stub.overrides.append(about("chat", "/v1/chat/completions", drips, stream=True))
    patience = replace(QUICK, answer=0.4)

    checks = verify(subject(api.url), report=lambda _: None, patience=patience)

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
    assert "[redacted]" in text
    assert [secret for secret in secrets if secret in text or keys.normalise(secret) in text] == []
    assert "\x1b" not in text
    assert max(len(check.got) for check in checks) <= 300
