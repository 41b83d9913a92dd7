"""Functions in a real Open WebUI: filters, pipes and actions from files, their valves, and who they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.wanted import Function, VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
FILTER = '''
"""
title: ignored
"""
from pydantic import BaseModel


class Filter:
    class Valves(BaseModel):
        word: str = "nothing"
        token: str = ""
        priority: int = 0

    def __init__(self):
        self.valves = self.Valves()

    async def inlet(self, body: dict) -> dict:
        body["messages"].insert(0, {"role": "system", "content": self.valves.word + self.valves.token})
        return body
'''
PIPE = """
class Pipe:
    def pipes(self):
        return [{"id": "loud", "name": "Loud echo"}, {"id": "soft", "name": "Soft echo"}]

    async def pipe(self, body: dict) -> str:
        return body["messages"][-1]["content"].upper()
"""
ACTION = """
class Action:
    async def action(self, body: dict) -> dict:
        return {"content": "done"}
"""
POLITE = Function(
    "polite", "filter", "Be polite", "Adds a line.", FILTER, {"word": "Please. ", "token": SecretStr("t0p")}
)
ECHO = Function("echo", "pipe", "Echo", "", PIPE, teams=("red",))
MARKED = Function("marked", "action", "Mark it", "", ACTION, models=("chat",))


@pytest.fixture(autouse=True)
def _nothing_left(server: Server) -> Iterator[None]:
    yield
    for function in server.as_admin.get("/api/v1/functions/export"):
        server.as_admin.delete(f"/api/v1/functions/id/{function['id']}/delete")


def asked_by(workshop: Class, participant: str, model: str) -> list[dict[str, str]]:
    before = len(workshop.server.asked())
    workshop.caller(participant).post("/api/chat/completions", {"model": model, **HELLO})
    (asked,) = workshop.server.asked()[before:]
    messages: list[dict[str, str]] = asked["body"]["messages"]
    return messages


def test_a_filter_for_all_works_with_its_valves_and_again_there_is_nothing_to_do(new_class: NewClass) -> None:
    workshop = new_class(2, functions=(POLITE,))
    workshop.seed()

    assert asked_by(workshop, "p02", "chat")[0] == {"role": "system", "content": "Please. t0p"}
    assert (workshop.seed().changed, workshop.said) == (0, [])

    changed = replace(POLITE, valves={"word": "Kindly. "})
    workshop.seed(replace(workshop.wanted, functions=(changed,)))
    assert asked_by(workshop, "p02", "chat")[0]["content"] == "Kindly. t0p"  # what the spec doesn't name stays
    assert "t0p" not in str(workshop.said)


@pytest.mark.full("one kind of function is for every day")
def test_a_filter_for_one_model_leaves_the_others_alone(new_class: NewClass) -> None:
    models = (VisibleModel("chat", "vllm", filters=("polite",)), VisibleModel("both", "vllm"))
    workshop = new_class(1, models=models, functions=(replace(POLITE, models=("chat",)), MARKED))
    workshop.seed()

    assert [one["role"] for one in asked_by(workshop, "p01", "chat")] == ["system", "user"]
    assert [one["role"] for one in asked_by(workshop, "p01", "both")] == ["user"]

    workshop.seed(replace(workshop.wanted, models=tuple(replace(one, filters=()) for one in models)))
    assert [one["role"] for one in asked_by(workshop, "p01", "chat")] == ["user"]


@pytest.mark.full("one kind of function is for every day")
def test_an_action_is_offered_under_the_answers_of_its_model_only(new_class: NewClass) -> None:
    models = (VisibleModel("chat", "vllm", actions=("marked",)), VisibleModel("both", "vllm"))
    workshop = new_class(1, models=models, functions=(MARKED,))
    workshop.seed()

    offered = {one["id"]: one["actions"] for one in workshop.caller("p01").get("/api/models")["data"]}
    assert [one["name"] for one in offered["chat"]] == ["Mark it"]
    assert offered["both"] == []


@pytest.mark.full("one kind of function is for every day")
def test_a_pipes_models_are_for_its_team(new_class: NewClass) -> None:
    workshop = new_class(2, functions=(ECHO,))
    workshop.seed()

    assert {"echo.loud", "echo.soft"} <= workshop.models("p01")
    assert not {"echo.loud", "echo.soft"} & workshop.models("p02")
    answer = workshop.caller("p01").post("/api/chat/completions", {"model": "echo.loud", **HELLO, "stream": False})
    assert "HELLO" in str(answer)
    assert workshop.seed().changed == 0


@pytest.mark.full("what is changed by hand is put right by the same comparison as in test_webui_page")
def test_what_was_changed_by_hand_is_put_back_and_what_left_is_removed(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1, functions=(POLITE, ECHO))
    workshop.seed()
    admin = server.as_admin
    found = admin.get("/api/v1/functions/id/polite")
    admin.post("/api/v1/functions/id/polite/update", {**found, "content": FILTER + "\n# by hand"})
    admin.post("/api/v1/functions/id/polite/toggle", None)
    mine = {"id": "mine", "name": "Mine", "content": ACTION, "meta": {"description": ""}}
    admin.post("/api/v1/functions/create", mine)

    workshop.seed()
    assert [line for line in workshop.said if line.startswith("function")] == ["function polite: put right, switched"]
    workshop.seed(replace(workshop.wanted, functions=(ECHO,)))
    assert {one["id"] for one in admin.get("/api/v1/functions/export")} == {"echo", "mine"}


def test_one_that_cannot_be_loaded_is_named_and_the_rest_goes_on(new_class: NewClass, server: Server) -> None:
    broken = Function("broken", "filter", "Broken", "", "import no_such_module\n\nclass Filter:\n    pass\n")
    workshop = new_class(1, functions=(broken, POLITE))

    with pytest.raises(UserError) as caught:
        workshop.seed()

    assert caught.value.code == "webui_parts"
    assert "function broken: " in caught.value.message
    assert any(words in caught.value.message for words in ("Error creating function", "No module named"))
    assert asked_by(workshop, "p01", "chat")[0]["content"] == "Please. t0p"
