"""A whole workshop with an endpoint past the gateway: from the spec, and by command from the first to the last verb."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from jsonschema import Draft202012Validator
from provider_stand_in import Provider
from workshop_bed import Ran, Workshop, llama

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "connections.json"


@pytest.fixture(scope="module")
def at(provider: Provider) -> str:
    return f"http://{provider.server_address[0]!s}:{provider.server_address[1]}/v1"


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], at: str) -> Workshop:
    lab = {"name": "lab", "url": at, "api_key": "${file:lab.key}", "prefix": "lab", "models": ["one"]}
    made = make_workshop("connections", models=[llama("tiny")], webui={"connections": [lab]})
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
    assert models(workshop) == {"tiny", "lab.one"}
    again = workshop.provision()
    assert (again["changed"], again["ok"]) == (0, True)
    found = connections(workshop, "list").json
    assert (found["ok"], standing(found)) == (True, [("lab", "on", "spec")])
    assert found["connections"][0]["offers"] == ["lab.one"]
    verified = workshop.run("workshop", "verify", "workshop.yaml", "--output", "json").json
    (listed,) = (
        check for check in verified["checks"] if check["name"] == "List of models" and "WebUI" in check["target"]
    )
    assert listed["expected"] == "tiny, lab.one"


def test_a_provider_without_a_list_is_verified_by_a_question(workshop: Workshop) -> None:
    checks = connections(workshop, "verify").json["checks"]
    assert [(check["name"], check["ok"]) for check in checks] == [("Question", True), ("In Open WebUI", True)]


def test_a_connection_by_command_from_the_first_verb_to_the_last(
    workshop: Workshop, provider: Provider, at: str
) -> None:
    key = workshop.folder / "new.key"
    key.write_text("sentinel-first", encoding="utf-8")
    key.chmod(0o600)
    new = ("--name", "new", "--url", at, "--prefix", "new", "--model", "a", "--api-key-file", "new.key")
    added = connections(workshop, "add", *new).json
    assert standing(added) == [("lab", "on", "spec"), ("new", "on", "command")]
    assert ask(workshop, "new.a") == "I am a"
    assert provider.keys[-1] == "Bearer sentinel-first"

    key.write_text("sentinel-second", encoding="utf-8")
    connections(workshop, "rotate", "new", "--api-key-file", "new.key")
    assert ask(workshop, "new.a") == "I am a"
    assert provider.keys[-1] == "Bearer sentinel-second"

    connections(workshop, "update", "new", "--model", "b", "--model", "c", "--tag", "exercise")
    assert models(workshop) == {"tiny", "lab.one", "new.b", "new.c"}
    assert connections(workshop, "disable", "new", "lab").json["ok"] is True
    assert models(workshop) == {"tiny"}

    assert workshop.provision()["changed"] == 0  # what commands said stays
    plan = workshop.run("workshop", "plan", "workshop.yaml", "--output", "json").json
    assert [note for note in plan["notes"] if note.startswith("connection ")] == [
        "connection lab: switched off, by command, and stays so",
        "connection new: added; switched off, by command, and stays so",
    ]
    connections(workshop, "enable", "new", "lab")
    assert models(workshop) == {"tiny", "lab.one", "new.b", "new.c"}
    assert connections(workshop, "delete", "new").json["told"] == [{"name": "new", "what": "deleted"}]
    assert models(workshop) == {"tiny", "lab.one"}
    assert list((workshop.state / "provider-keys").iterdir()) == []
    assert not any("sentinel" in text for text in workshop.said)


def test_one_that_does_not_answer_is_kept_named_and_switched_off(workshop: Workshop, at: str) -> None:
    gone = at.rpartition(":")[0] + ":9/v1"
    refused = connections(workshop, "add", "--name", "gone", "--url", gone, "--no-key", code=1)
    assert "connection gone" in refused.json["error"]["message"]
    assert standing(connections(workshop, "list").json)[1] == ("gone", "off", None)
    assert connections(workshop, "verify", "gone", code=4).json["ok"] is False
    connections(workshop, "delete", "gone")
    assert workshop.provision()["ok"] is True
