"""Connections past the gateway in a real Open WebUI, with real endpoints behind them: a provider's life from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.connection_rows import rows_of
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.seed import look, seed_connections
from orchestrator.webui.wanted import Connection, Foreseen

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

GATEWAYS = {"chat", "big/model-7B:q4", "red-only", "both"}
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
CONFIG, UPDATE = "/openai/config", "/openai/config/update"
LAB = {"lab.small", "lab.big", "lab.org/odd-1:free"}


class Beside:
    """The container in which the providers run."""

    def __init__(self, server: Server, workshop: Class) -> None:
        self.host = workshop.wanted.gateway_url.removeprefix("http://").partition(":")[0]
        self._container = server.container.client.containers.get(self.host)

    def run(self, code: str) -> str:
        done, output = self._container.exec_run(["python3", "-c", f"import json, hashlib, urllib.request\n{code}"])
        assert done == 0, output
        return str(output.decode())

    def wants_key(self, key: str) -> None:
        self.run(f"urllib.request.urlopen('http://127.0.0.1:8010/_key', {json.dumps(key).encode()!r})")

    def asked(self) -> list[dict[str, Any]]:
        return list(self._told("asked"))

    def held(self) -> int:
        """How often the one that never answers was called so far."""
        return int(self._told("held"))

    def _told(self, what: str) -> Any:
        return json.loads(self.run(f"print(urllib.request.urlopen('http://127.0.0.1:8010/_{what}').read().decode())"))

    def has_ollama_models(self, *names: str) -> None:
        for name in names:
            self.run(
                "blob, at = b'x', 'http://127.0.0.1:11434'\n"
                "digest = 'sha256:' + hashlib.sha256(blob).hexdigest()\n"
                "urllib.request.urlopen(f'{at}/api/blobs/{digest}', blob)\n"
                f"body = json.dumps({{'model': {name!r}, 'files': {{'x': digest}}, 'stream': False}}).encode()\n"
                "urllib.request.urlopen(f'{at}/api/create', body)"
            )


@pytest.fixture(autouse=True)
def _nothing_left(server: Server) -> Iterator[None]:
    yield
    server.as_admin.post(
        UPDATE, {"ENABLE_OPENAI_API": True, "OPENAI_API_BASE_URLS": [], "OPENAI_API_KEYS": [], "OPENAI_API_CONFIGS": {}}
    )
    server.as_admin.post(
        "/ollama/config/update", {"ENABLE_OLLAMA_API": False, "OLLAMA_BASE_URLS": [], "OLLAMA_API_CONFIGS": {}}
    )


@pytest.fixture
def beside(server: Server, new_class: NewClass) -> Beside:
    found = Beside(server, new_class(1))
    found.wants_key("first-key")
    return found


@pytest.fixture
def lab(beside: Beside) -> Connection:
    return Connection("lab", "openai", f"http://{beside.host}:8010/v1", SecretStr("first-key"), prefix="lab")


def unlisted(beside: Beside, **changes: Any) -> Connection:
    return replace(Connection("plain", "openai", f"http://{beside.host}:8011/v1", prefix="plain"), **changes)


def hole(beside: Beside, **changes: Any) -> Connection:
    return replace(Connection("hole", "openai", f"http://{beside.host}:8012/v1", prefix="hole"), **changes)


def ask(workshop: Class, participant: str, model: str) -> str:
    answer = workshop.caller(participant).post("/api/chat/completions", {"model": model, **HELLO})
    return str(answer["choices"][0]["message"]["content"])


def test_a_providers_whole_life(new_class: NewClass, server: Server, beside: Beside, lab: Connection) -> None:
    workshop = new_class(1, connections=(lab,))

    def again(*connections: Connection) -> list[str]:
        workshop.said.clear()
        workshop.wanted = replace(workshop.wanted, connections=connections)
        seed_connections(server.as_admin, workshop.wanted, report=workshop.said.append)
        return workshop.said

    workshop.seed()  # made, by its own list of models
    assert "connection lab: created" in workshop.said
    assert workshop.models("p01") == GATEWAYS | LAB
    assert ask(workshop, "p01", "lab.org/odd-1:free") == "I am org/odd-1:free"
    assert beside.asked()[-1]["headers"]["authorization"] == "Bearer first-key"
    named = "x-openwebui-user-email" in beside.asked()[-1]["headers"]
    assert named is not server.client().dialect().names_the_asker  # else to every connection: docs/webui.md says so
    assert workshop.seed().changed == 0
    assert workshop.said == []

    kept = replace(lab, models=("big",), tags=("exercise",))  # changed
    assert sorted(again(kept)) == [
        "connection lab: put right: models, tags",
        "model lab.org/odd-1:free: removed",
        "model lab.small: removed",
    ]
    assert workshop.models("p01") == GATEWAYS | {"lab.big"}

    beside.wants_key("second-key")  # its provider gave another key
    with pytest.raises(WebUIRefused):
        ask(workshop, "p01", "lab.big")
    rotated = replace(kept, key=SecretStr("second-key"))
    assert again(rotated) == ["connection lab: put right: key"]
    assert ask(workshop, "p01", "lab.big") == "I am big"

    assert again(replace(rotated, enabled=False)) == ["connection lab: switched off"]
    assert workshop.models("p01") == GATEWAYS
    assert again(rotated) == ["connection lab: switched on"]
    assert workshop.models("p01") == GATEWAYS | {"lab.big"}

    assert again() == ["connection lab: removed", "model lab.big: removed"]
    assert workshop.models("p01") == GATEWAYS
    assert again() == []
    assert not [row.url for row in rows_of(server.as_admin.get(CONFIG)) if ":8010" in row.url]


def test_only_the_teams_of_a_connection_see_its_models(new_class: NewClass, lab: Connection) -> None:
    workshop = new_class(2, connections=(replace(lab, teams=("red",), headers={"X-Class": "one"}),))
    workshop.seed()

    assert workshop.models("p01") >= LAB
    assert not workshop.models("p02") & LAB
    with pytest.raises(WebUIRefused):
        ask(workshop, "p02", "lab.big")


@pytest.mark.full("what is changed by hand is put right by the same comparison as in test_webui_page")
def test_what_was_changed_by_hand_is_put_back_and_what_is_somebodys_stays(
    new_class: NewClass, server: Server, lab: Connection
) -> None:
    workshop = new_class(1, connections=(lab,))
    workshop.seed()
    form = server.as_admin.get(CONFIG)
    form["OPENAI_API_BASE_URLS"] = [form["OPENAI_API_BASE_URLS"][0], "http://elsewhere/v1", "http://mine/v1"]
    form["OPENAI_API_KEYS"] = [form["OPENAI_API_KEYS"][0], "other", "mine"]
    form["OPENAI_API_CONFIGS"]["1"]["enable"] = False
    form["OPENAI_API_CONFIGS"]["2"] = {"enable": False}
    server.as_admin.post(UPDATE, form)
    foreseen = look(server.as_admin, workshop.wanted, workshop.store)

    workshop.seed()

    assert workshop.said[0] == "connection lab: switched on, put right: url, key"
    assert foreseen == (Foreseen("connection lab", "switched on, put right: url, key"),)  # as `plan` says it
    assert [(row.url, row.key) for row in rows_of(server.as_admin.get(CONFIG))] == [
        (workshop.wanted.gateway_url, workshop.wanted.gateway_key.get_secret_value()),
        (lab.url, "first-key"),
        ("http://mine/v1", "mine"),
    ]
    assert workshop.seed().changed == 0


@pytest.mark.full("waits for a server that hangs")
def test_one_without_a_list_gets_the_specs_and_one_that_hangs_holds_up_nobody(
    new_class: NewClass, server: Server, beside: Beside, lab: Connection
) -> None:
    given = unlisted(beside, models=("special",))
    workshop = new_class(
        1, connections=(hole(beside), hole(beside, name="listed", prefix="l", models=("x",)), given, lab)
    )

    with pytest.raises(UserError) as caught:
        workshop.seed()

    assert caught.value.code == "webui_parts"
    assert (
        f"1 parts were refused: connection hole: http://{beside.host}:8012/v1 does not answer" in caught.value.message
    )
    assert not any("plain" in line for line in workshop.said if "created" not in line)  # no alarm
    held = beside.held()
    assert workshop.models("p01") == GATEWAYS | LAB | {"plain.special", "l.x"}
    server.as_admin.get("/api/models", refresh="true")
    assert beside.held() == held  # nobody's page waits for it
    assert ask(workshop, "p01", "plain.special") == "I am special"
    with pytest.raises(UserError, match="connection hole"):
        workshop.seed()
    assert [line for line in workshop.said if "its list of models stays" not in line] == []

    workshop.seed(replace(workshop.wanted, connections=(replace(lab, name="hole", prefix="hole"), given)))
    assert "connection hole: switched on, put right: key, models, url" in [_sorted(line) for line in workshop.said]


def _sorted(line: str) -> str:
    head, found, fields = line.partition("put right: ")
    return head + found + ", ".join(sorted(fields.split(", ")))


def test_a_wrong_key_is_named_without_the_key(new_class: NewClass, lab: Connection) -> None:
    workshop = new_class(1, connections=(replace(lab, key=SecretStr("sentinel-7d1")),))

    with pytest.raises(UserError, match=r"refuses the key \(401: .*\[secret\]") as caught:
        workshop.seed()

    assert "sentinel" not in str(caught.value)
    assert "sentinel" not in " ".join(workshop.said)


@pytest.mark.full("one more thing in the way of a provider's whole life, which is for every day")
def test_a_list_that_cannot_be_asked_for_now_stays_as_it_was(
    new_class: NewClass, beside: Beside, lab: Connection
) -> None:
    workshop = new_class(1, connections=(lab,))
    workshop.seed()
    beside.wants_key("another")

    workshop.seed()

    assert [line for line in workshop.said if "refuses the key" not in line] == []
    assert workshop.models("p01") == GATEWAYS | LAB


@pytest.mark.full("one more thing in the way of a provider's whole life, which is for every day")
def test_a_model_named_like_one_of_the_workshop_is_left_out_and_named(new_class: NewClass, lab: Connection) -> None:
    workshop = new_class(1)
    models = tuple(replace(one, name="small") if one.name == "chat" else one for one in workshop.wanted.models)
    wanted = replace(workshop.wanted, models=models, connections=(replace(lab, prefix=""),))

    with pytest.raises(UserError, match="connection lab: small: the name of another model here"):
        workshop.seed(wanted)

    assert workshop.models("p01") == (GATEWAYS - {"chat"}) | {"small", "big", "org/odd-1:free"}
    assert ask(workshop, "p01", "small") == "Hello from the stub"


@pytest.mark.full("a stand-in for Ollama; a provider's whole life is for every day")
def test_ollama_answers_its_own_routes_for_a_participants_key(
    new_class: NewClass, server: Server, beside: Beside
) -> None:
    beside.has_ollama_models("llama3.2:3b", "embed-small", "other:1b")
    url = f"http://{beside.host}:11434"
    ollama = Connection("ours", "ollama", url, prefix="o", models=("llama3.2:3b", "embed-small"))
    workshop = new_class(2, connections=(replace(ollama, teams=("red",)),))
    workshop.seed()
    assert workshop.seed().changed == 0
    red, blue = workshop.caller("p01"), workshop.caller("p02")

    assert {"o.llama3.2:3b", "o.embed-small:latest"} == workshop.models("p01") - GATEWAYS
    tags = [one["model"] for one in red.get("/ollama/api/tags")["models"]]
    assert sorted(tags) == ["o.embed-small:latest", "o.llama3.2:3b"]
    question = {"model": "o.llama3.2:3b", "prompt": "Hello", "stream": False, "options": {"num_predict": 4}}
    assert red.post("/ollama/api/generate", question)["response"] == "This is a stand-in"
    assert red.post("/ollama/api/embed", {"model": "o.embed-small:latest", "input": "Hello"})["embeddings"]
    assert ask(workshop, "p01", "o.llama3.2:3b").startswith("This is")
    if server.client().dialect().closes_ollama_models:
        with pytest.raises(WebUIRefused):
            blue.post("/ollama/api/generate", question)

    gone = replace(ollama, url=url.replace("11434", "8012"))  # hangs
    with pytest.raises(UserError, match=r"connection ours: .* does not answer: it is switched off"):
        workshop.seed(replace(workshop.wanted, connections=(gone,)))
    held = beside.held()
    red.get("/ollama/api/tags")
    assert beside.held() == held

    workshop.seed(replace(workshop.wanted, connections=()))
    assert server.as_admin.get("/ollama/config")["ENABLE_OLLAMA_API"] is False
    assert workshop.models("p01") == GATEWAYS
