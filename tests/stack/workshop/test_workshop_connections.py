"""A whole workshop with an endpoint past the gateway: from the spec, and by command from the first to the last verb."""

from __future__ import annotations

import json
import runpy
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from jsonschema import Draft202012Validator

from tests.stack.workshop.bed import Ran, Workshop, llama
from tests.stack.workshop.provider_stand_in import Provider

pytestmark = pytest.mark.full(
    "a whole class for an endpoint past the gateway; test_webui_connections has a provider's whole life"
)

OLLAMA = Path(__file__).parent / "ollama_stand_in" / "ollama.py"
SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "connections.json"


@pytest.fixture(scope="module")
def at(provider: Provider) -> str:
    return f"http://{provider.server_address[0]!s}:{provider.server_address[1]}/v1"


@pytest.fixture(scope="module")
def box(provider: Provider) -> Iterator[str]:
    """The stand-in for Ollama, with one model in it, on the address by which containers reach this machine."""
    daemon = runpy.run_path(str(OLLAMA))["Daemon"]
    details = {"format": "gguf", "family": "llama", "parameter_size": "1B", "quantization_level": "F32"}
    daemon.models["llama3.2:3b"] = {"size": 1, "digest": "0", "modified_at": "2026-01-01T00:00:00Z", "details": details}
    with ThreadingHTTPServer((str(provider.server_address[0]), 0), daemon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{server.server_address[0]!s}:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], at: str, box: str) -> Workshop:
    ollama = {"name": "box", "kind": "ollama", "url": box, "prefix": "box", "models": ["llama3.2:3b"]}
    lab = {"name": "lab", "url": at, "api_key": "${file:lab.key}", "prefix": "lab", "models": ["one"]}
    made = make_workshop("connections", models=[llama("tiny")], webui={"connections": [lab, ollama]})
    (made.folder / "lab.key").write_text("lab-key", encoding="utf-8")
    assert made.provision()["ok"] is True
    return made


def connections(workshop: Workshop, verb: str, *arguments: str, code: int = 0) -> Ran:
    ran = workshop.run("workshop", "connections", verb, "workshop.yaml", *arguments, "--output", "json", code=code)
    if code == 0 and verb != "verify":
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        assert [problem.message for problem in Draft202012Validator(schema).iter_errors(ran.json)] == []
    return ran


def standing(document: Any) -> list[tuple[str, str, str | None]]:
    return [(one["name"], one["state"], one["key"]) for one in document["connections"]]


def ask(workshop: Workshop, model: str) -> str | None:
    key = workshop.people()[0]["webui_api_key"]
    with openai.OpenAI(base_url=f"{workshop.webui}/api", api_key=key, max_retries=0) as client:
        question: Any = [{"role": "user", "content": "Hello"}]
        return client.chat.completions.create(model=model, messages=question, max_tokens=4).choices[0].message.content


def models(workshop: Workshop) -> set[str]:
    key = workshop.people()[0]["webui_api_key"]
    with openai.OpenAI(base_url=f"{workshop.webui}/api", api_key=key, max_retries=0) as client:
        return {model.id for model in client.models.list()}


def test_a_connection_of_the_spec_is_there_and_proved_and_stays(workshop: Workshop, provider: Provider) -> None:
    assert ask(workshop, "lab.one") == "I am one"
    assert provider.keys[-1] == "Bearer lab-key"
    assert models(workshop) == {"tiny", "box.llama3.2:3b", "lab.one"}
    again = workshop.provision()
    assert (again["changed"], again["ok"]) == (0, True)
    found = connections(workshop, "list").json
    assert (found["ok"], standing(found)) == (True, [("lab", "on", "spec"), ("box", "on", None)])
    assert found["connections"][0]["offers"] == ["lab.one"]
    verified = workshop.run("workshop", "verify", "workshop.yaml", "--output", "json").json
    lists = [check for check in verified["checks"] if check["name"] == "List of models"]
    (listed,) = (check for check in lists if check["target"] == "Open WebUI, everybody")
    assert listed["expected"] == "tiny, lab.one, box.llama3.2:3b"
    native = [check for check in verified["checks"] if check["target"].startswith("Open WebUI's Ollama API, ")]
    assert [(check["name"], check["ok"]) for check in native] == [("List of models", True), ("Question", True)]


def test_a_provider_without_a_list_is_verified_by_a_question(workshop: Workshop) -> None:
    checks = connections(workshop, "verify").json["checks"]
    assert all(check["ok"] for check in checks)
    assert [(check["name"], check["target"]) for check in checks] == [
        ("Question", "connection lab"),
        ("In Open WebUI", "connection lab"),
        ("List of models", "connection box"),
        ("In Open WebUI", "connection box"),
    ]


def test_a_connection_by_command_from_the_first_verb_to_the_last(
    workshop: Workshop, provider: Provider, at: str
) -> None:
    key = workshop.folder / "new.key"
    key.write_text("sentinel-first", encoding="utf-8")
    key.chmod(0o600)
    new = ("--name", "new", "--url", at, "--prefix", "new", "--model", "a", "--api-key-file", "new.key")
    added = connections(workshop, "add", *new).json
    assert standing(added) == [("lab", "on", "spec"), ("box", "on", None), ("new", "on", "command")]
    assert ask(workshop, "new.a") == "I am a"
    assert provider.keys[-1] == "Bearer sentinel-first"

    key.write_text("sentinel-second", encoding="utf-8")
    connections(workshop, "rotate", "new", "--api-key-file", "new.key")
    assert ask(workshop, "new.a") == "I am a"
    assert provider.keys[-1] == "Bearer sentinel-second"

    connections(workshop, "update", "new", "--model", "b", "--model", "c", "--tag", "exercise")
    assert models(workshop) == {"tiny", "box.llama3.2:3b", "lab.one", "new.b", "new.c"}
    assert connections(workshop, "disable", "new", "lab").json["ok"] is True
    assert models(workshop) == {"tiny", "box.llama3.2:3b"}

    assert workshop.provision()["changed"] == 0  # what commands said stays
    plan = workshop.run("workshop", "plan", "workshop.yaml", "--output", "json").json
    assert [note for note in plan["notes"] if note.startswith("connection ")] == [
        "connection lab: switched off, by command, and stays so",
        "connection new: added; switched off, by command, and stays so",
    ]
    connections(workshop, "enable", "new", "lab")
    assert models(workshop) == {"tiny", "box.llama3.2:3b", "lab.one", "new.b", "new.c"}
    assert connections(workshop, "delete", "new").json["told"] == [{"name": "new", "what": "deleted"}]
    assert models(workshop) == {"tiny", "box.llama3.2:3b", "lab.one"}
    assert list((workshop.state / "provider-keys").iterdir()) == []
    assert not any("sentinel" in text for text in workshop.said)


def test_one_that_does_not_answer_is_kept_named_and_switched_off(workshop: Workshop, at: str) -> None:
    gone = at.rpartition(":")[0] + ":9/v1"
    refused = connections(workshop, "add", "--name", "gone", "--url", gone, "--no-key", code=1)
    assert "connection gone" in refused.json["error"]["message"]
    assert standing(connections(workshop, "list").json)[2] == ("gone", "off", None)
    assert connections(workshop, "verify", "gone", code=4).json["ok"] is False
    connections(workshop, "delete", "gone")
    assert workshop.provision()["ok"] is True
