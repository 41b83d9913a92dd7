"""Ollama's own routes below a real Open WebUI: the gateway stands behind them, and each person has their own models."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.seed import look
from orchestrator.webui.wanted import Foreseen, OllamaModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

pytestmark = pytest.mark.full("a stand-in for Ollama behind Open WebUI; the gateway's routes are in test_gateway_paths")

BOTH = (OllamaModel("chat"), OllamaModel("red-only", ("red",)))
GENERATE, EMBED = "/ollama/api/generate", "/ollama/api/embed"


@pytest.fixture
def workshop(new_class: NewClass) -> Class:
    """p01 is of team red, p02 of team blue."""
    made = new_class(2, ollama=BOTH)
    made.seed()
    return made


def tags(caller: WebUI) -> list[str]:
    return sorted(model["name"] for model in caller.get("/ollama/api/tags")["models"])


def question(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "prompt": "Hello", "stream": False, **more}


def test_each_person_finds_the_models_that_are_for_them(workshop: Class) -> None:
    assert tags(workshop.caller("p01")) == ["chat:latest", "red-only:latest"]
    assert tags(workshop.caller("p02")) == ["chat:latest"]


def test_questions_carry_the_services_key_and_the_persons_mail(workshop: Class, server: Server) -> None:
    caller = workshop.caller("p01")
    before = len(server.asked())
    assert caller.post(GENERATE, question("red-only:latest"))["response"]
    assert caller.post(EMBED, {"model": "chat:latest", "input": "Hello"})["embeddings"]
    asked = [one for one in server.asked()[before:] if one["path"] in {GENERATE, EMBED}]

    assert [one["body"]["model"] for one in asked] == ["red-only:latest", "chat:latest"]
    for one in asked:
        assert one["headers"]["authorization"] == f"Bearer {workshop.wanted.gateway_key.get_secret_value()}"
        assert one["headers"]["x-openwebui-user-email"] == workshop.person("p01").email


def test_another_teams_model_is_refused(workshop: Class, server: Server) -> None:
    server.since("0.9.0", "asks whatever model is named, and leaves it to the gateway to refuse")
    with pytest.raises(WebUIRefused) as refused:
        workshop.caller("p02").post(GENERATE, question("red-only:latest"))
    assert refused.value.status == 403


def test_the_menu_has_each_model_once_and_questions_there_go_the_usual_way(workshop: Class, server: Server) -> None:
    assert workshop.models("p01") == {"chat", "big/model-7B:q4", "red-only", "both"}
    listed = [model["id"] for model in server.as_admin.get("/api/models", refresh="true")["data"]]
    assert len(listed) == len(set(listed))
    assert not [name for name in listed if name.endswith(":latest")]
    before = len(server.asked())
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
    workshop.caller("p01").post("/api/chat/completions", body)
    assert [one["path"] for one in server.asked()[before:] if one["body"]] == ["/v1/chat/completions"]


@pytest.mark.parametrize("changed", [{"enable": False, "key": "another"}, {"tags": []}])
def test_what_was_changed_by_hand_is_foreseen_told_and_put_back(
    workshop: Class, server: Server, changed: dict[str, Any]
) -> None:
    admin = server.as_admin
    before = admin.get("/ollama/config")
    form = deepcopy(before)
    form["OLLAMA_API_CONFIGS"]["0"] |= changed
    admin.post("/ollama/config/update", form)
    foreseen = look(admin, workshop.wanted, workshop.store)
    assert workshop.seed().changed == 1
    assert workshop.said == ["connection to the gateway's Ollama API: set"]
    assert foreseen == (Foreseen("connection to the gateway's Ollama API", "set"),)
    assert admin.get("/ollama/config") == before
    assert workshop.seed().changed == 0


def test_twice_is_once_and_what_leaves_is_closed(workshop: Class, server: Server) -> None:
    again = workshop.seed()
    assert (again.created, again.changed) == (0, 0), workshop.said
    workshop.seed(replace(workshop.wanted, ollama=(OllamaModel("chat"),)))
    assert tags(workshop.caller("p01")) == ["chat:latest"]
    workshop.seed(replace(workshop.wanted, ollama=()))
    assert "connection to the gateway's Ollama API: removed" in workshop.said
    assert server.as_admin.get("/ollama/config")["ENABLE_OLLAMA_API"] is False
    with pytest.raises(WebUIRefused) as refused:
        tags(workshop.caller("p01"))
    assert refused.value.status == 503
