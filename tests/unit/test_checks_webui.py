"""verify sees what is wrong in Open WebUI: accounts, keys, lists and answers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.checks_asked import about, ask, on, one, with_key, wrong
from tests.unit.checks_stub import (
    ANSWER,
    Asked,
    Override,
    Reply,
    StubGateway,
    StubServer,
    StubWebUI,
    mail_of,
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


WITH_A_FILE = "Question with a file"


def beside_a_file(reply: Reply) -> Override:
    return lambda asked: reply if asked.body.get("files") else None


WEBUI_WRONG = [
    (on("/health", Reply(503, "<html>", "text/html")), "Open WebUI"),
    (on("/health", Reply(200, "<html>", "text/html")), "Open WebUI"),
    (on("/api/v1/auths/signup", Reply(200, {"token": "jwt"})), "Sign-up by a stranger"),
    (on("/api/v1/auths/signup", Reply(400, {"detail": "The email format is invalid"})), "Sign-up by a stranger"),
    (with_key(None, Reply(200, {"data": []})), "No key"),
    (about("chat", "/api/chat/completions", Reply(400, {"detail": "Model not found"}), stream=False), "Question"),
    (about("chat", "/api/chat/completions", Reply(200, ANSWER), stream=True), "Question, streamed"),
    (on("/api/v1/files/", Reply(401, {"detail": "no"})), WITH_A_FILE),
    (on("/api/v1/files/f1/process/status", Reply(200, {"status": "failed"})), WITH_A_FILE),
    (on("/api/v1/files/f1", Reply(404, {"detail": "no"})), WITH_A_FILE),  # it would be left there
    (beside_a_file(Reply(400, {"detail": "no"})), WITH_A_FILE),
    (beside_a_file(Reply(200, ANSWER)), WITH_A_FILE),  # it was not read
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

    checks = ask(replace(subject(api.url, webui.url), functions=("tutor",)))  # a pipe of the workshop's

    assert one(checks, "List of models", "Open WebUI, everybody").got == "chat, small"


def test_a_connections_models_must_be_seen_by_whom_they_are_for_and_are_not_strangers(
    api: StubServer, webui: StubServer
) -> None:
    everybody, red = subject(api.url, webui.url).verifiers
    asked = replace(
        subject(api.url, webui.url),
        verifiers=(replace(everybody, provided=("lab.x",)), red),
        provided=("lab.x", "box"),
    )
    told = Reply(200, {"data": [{"id": "chat"}, {"id": "small"}, {"id": "lab.x"}, {"id": "box.of-ollama"}]})
    mine = webui_key_of("_verify").get_secret_value()
    assert ("List of models", "Open WebUI, everybody") in wrong(ask(asked))
    webui.stub.overrides.append(lambda one: told if one.path == "/api/models" and one.key == mine else None)

    checks = ask(asked)

    assert wrong(checks) == []
    assert one(checks, "List of models", "Open WebUI, everybody").got == "chat, small, lab.x"
    assert one(checks, "Another team's model", "Open WebUI, team red: lab.x")


OLLAMA = {
    "/ollama/api/tags": Reply(200, {"models": [{"name": "box.chat:1b"}, {"name": "box.embed:latest"}]}),
    "/ollama/api/generate": Reply(200, {"response": "Hello"}),
    "/ollama/api/embed": Reply(200, {"embeddings": [[0.1, 0.2]]}),
}


@pytest.mark.parametrize(
    ("path", "reply", "names"),
    [
        ("", None, []),
        ("/ollama/api/tags", Reply(200, {"models": [{"name": "box.chat:1b"}]}), ["List of models"]),
        ("/ollama/api/tags", Reply(503, {"detail": "Ollama API is disabled"}), ["List of models"]),
        ("/ollama/api/generate", Reply(200, {"response": ""}), ["Question", "Question"]),
        ("/ollama/api/generate", Reply(400, {"error": "it does not support generate"}), []),
        ("/ollama/api/generate", Reply(403, {"detail": "Model not found"}), ["Question", "Question"]),
    ],
)
def test_a_connection_to_ollama_is_asked_on_its_own_routes(
    api: StubServer, webui: StubServer, path: str, reply: Reply | None, names: list[str]
) -> None:
    everybody, *rest = subject(api.url, webui.url).verifiers
    ollama = ("box.chat:1b", "box.embed:latest")
    asked = replace(subject(api.url, webui.url), verifiers=(replace(everybody, ollama=ollama), *rest))
    answers = OLLAMA | ({path: reply} if reply else {})
    webui.stub.overrides.append(lambda one: answers.get(one.path))

    found = wrong(ask(asked))

    assert [name for name, _ in found] == names
    assert all("Open WebUI's Ollama API" in target for _, target in found)


def test_a_preset_must_be_seen_and_answer_and_is_refused_to_others(api: StubServer, webui: StubServer) -> None:
    everybody, *rest = subject(api.url, webui.url).verifiers
    asked = replace(subject(api.url, webui.url), verifiers=(replace(everybody, presets=("tutor",)), *rest))

    checks = ask(asked)

    assert ("List of models", "Open WebUI, everybody") in wrong(checks)  # the stub has no such entry
    assert one(checks, "List of models", "Open WebUI, everybody").expected == "chat, small, tutor"
    assert one(checks, "Question to a preset", "Open WebUI, tutor")
    assert any(
        check.name == "Another team's model" and "tutor" in check.target and "everybody" not in check.target
        for check in checks
    )


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


def test_tool_servers_must_be_found_by_whom_they_are_for(api: StubServer, webui: StubServer) -> None:
    everybody, *rest = subject(api.url, webui.url).verifiers
    asked = replace(subject(api.url, webui.url), verifiers=(replace(everybody, tools=("server:dice",)), *rest))
    found = [{"id": "server:dice", "name": "Dice"}, {"id": "mine", "name": "Mine"}]
    webui.stub.overrides.append(lambda asked: Reply(200, found) if asked.path == "/api/v1/tools/" else None)

    checks = ask(asked)

    assert one(checks, "List of tool servers", "Open WebUI, everybody").ok
    others = [check for check in checks if check.name == "List of tool servers" and "everybody" not in check.target]
    assert others
    assert not any(check.ok for check in others)  # they find it too


@pytest.mark.parametrize(
    "path", ["/api/v1/knowledge/create", "/api/v1/knowledge/k1/file/add", "/api/v1/knowledge/k1/delete"]
)
def test_a_collection_of_ones_own_is_tried_where_people_may_make_one(
    api: StubServer, webui: StubServer, path: str
) -> None:
    name, asked = "Question with a collection of one's own", replace(subject(api.url, webui.url), own_knowledge=True)
    assert one(ask(asked), name, "Open WebUI, chat").ok
    webui.stub.overrides.append(on(path, Reply(401, {"detail": "no"})))
    assert wrong(ask(asked)) == [(name, "Open WebUI, chat")]


def test_what_was_sent_is_taken_away_again_though_the_question_failed(api: StubServer, webui: StubServer) -> None:
    webui.stub.overrides.append(beside_a_file(Reply(500, {"detail": "no"})))
    ask(subject(api.url, webui.url))
    assert [one.path for one in webui.asked if one.method == "DELETE"] == ["/api/v1/files/f1"]
