"""What everybody meets on Open WebUI's page: the menu with its presets, banners, suggested questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests

from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.wanted import Banner, Suggestion, VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
CHAT = VisibleModel("chat", "llamacpp", title="Chat, the small one", description="Quick.", picture=GIF)
TUTOR = VisibleModel(
    "tutor",
    "preset",
    ("red",),
    title="Your tutor",
    base="chat",
    parameters={"system": "Answer {{7*7}} with a question.", "temperature": 0.25, "max_tokens": 7},
    suggestions=(Suggestion("Ask", "me", "What is attention?"),),
)
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def entries(workshop: Class, participant: str) -> dict[str, dict[str, object]]:
    return {one["id"]: one for one in workshop.caller(participant).get("/api/models")["data"]}


def test_a_model_has_its_title_description_and_picture_and_loses_them_again(
    new_class: NewClass, server: Server
) -> None:
    workshop = new_class(2, models=(CHAT,))
    workshop.seed()

    entry = entries(workshop, "p02")["chat"]
    assert entry["name"] == "Chat, the small one"
    assert entry["info"]["meta"]["description"] == "Quick."  # type: ignore[index]
    picture = requests.get(
        f"{server.url}/api/v1/models/model/profile/image",
        params={"id": "chat"},
        headers={"Authorization": f"Bearer {workshop.key('p02').get_secret_value()}"},
        timeout=10,
    )
    assert picture.content.startswith(b"GIF89a")
    assert workshop.seed().changed == 0

    workshop.seed(replace(workshop.wanted, models=(VisibleModel("chat", "llamacpp"),)))
    record = server.as_admin.get("/api/v1/models/model", id="chat")
    assert (record["name"], record["meta"]["description"]) == ("chat", None)
    assert not record["meta"]["profile_image_url"]


def test_a_preset_answers_with_its_prompt_and_parameters_for_its_team_only(new_class: NewClass, server: Server) -> None:
    workshop = new_class(2, models=(CHAT, TUTOR))
    workshop.seed()
    before = len(server.asked())

    workshop.caller("p01").post("/api/chat/completions", {"model": "tutor", **HELLO})

    (asked,) = server.asked()[before:]
    assert asked["body"]["model"] == "chat"
    assert asked["body"]["messages"][0] == {"role": "system", "content": "Answer {{7*7}} with a question."}
    assert (asked["body"]["temperature"], asked["body"]["max_tokens"]) == (0.25, 7)
    assert workshop.models("p02") == {"chat"}
    with pytest.raises(WebUIRefused):
        workshop.caller("p02").post("/api/chat/completions", {"model": "tutor", **HELLO})
    assert workshop.seed().changed == 0


def test_a_participant_cannot_read_a_presets_prompt(new_class: NewClass, server: Server) -> None:
    server.since("0.9.6", "shows prompts to who may use them")
    workshop = new_class(1, models=(CHAT, TUTOR))
    workshop.seed()

    assert "with a question" not in str(workshop.caller("p01").get("/api/models"))
    assert "with a question" not in str(workshop.caller("p01").get("/api/v1/models/model", id="tutor"))


def test_a_preset_changed_by_hand_is_put_back_and_one_that_leaves_is_removed(
    new_class: NewClass, server: Server
) -> None:
    workshop = new_class(1, models=(CHAT, TUTOR))
    workshop.seed()
    record = server.as_admin.get("/api/v1/models/model", id="tutor")
    server.as_admin.post("/api/v1/models/model/update", {**record, "params": {"system": "Nonsense."}})
    mine = {"id": "mine", "name": "Mine", "base_model_id": "chat", "meta": {}, "params": {}, "access_grants": []}
    server.as_admin.post("/api/v1/models/create", mine)

    workshop.seed()
    assert workshop.said == ["model tutor: put right"]
    workshop.seed(replace(workshop.wanted, models=(CHAT,)))
    assert "model tutor: removed" in workshop.said

    presets = [one["id"] for one in server.as_admin.get("/api/v1/models/export")]
    assert presets == ["mine"]
    server.as_admin.post("/api/v1/models/model/delete", {"id": "mine"})


def test_banners_stand_above_those_of_others_and_a_new_text_is_a_new_banner(
    new_class: NewClass, server: Server
) -> None:
    mine = {"id": "mine", "type": "warning", "title": "", "content": "Mine", "dismissible": True, "timestamp": 1}
    server.as_admin.post("/api/v1/configs/banners", {"banners": [mine]})
    workshop = new_class(1, banners=(Banner("# Welcome", "Tests", dismissible=False), Banner("Lunch", kind="success")))
    workshop.seed()

    shown = workshop.caller("p01").get("/api/v1/configs/banners")
    assert [(one["title"], one["content"]) for one in shown] == [("Tests", "# Welcome"), ("", "Lunch"), ("", "Mine")]
    assert workshop.seed().changed == 0

    workshop.seed(replace(workshop.wanted, banners=(Banner("Lunch is over"),)))
    again = workshop.caller("p01").get("/api/v1/configs/banners")
    assert [one["content"] for one in again] == ["Lunch is over", "Mine"]
    assert again[0]["id"] != shown[1]["id"]
    server.as_admin.post("/api/v1/configs/banners", {"banners": []})


def test_suggested_questions_are_set_left_and_given_back(new_class: NewClass, server: Server) -> None:
    def shown() -> list[dict[str, object]]:
        found: list[dict[str, object]] = server.as_admin.get("/api/config")["default_prompt_suggestions"]
        return found

    factory = shown()
    workshop = new_class(1, suggestions=(Suggestion("Explain", "sampling", "Explain top-p."),))
    workshop.seed()
    assert shown() == [{"title": ["Explain", "sampling"], "content": "Explain top-p."}]
    assert workshop.seed().changed == 0

    workshop.seed(replace(workshop.wanted, suggestions=None))
    assert shown() == [{"title": ["Explain", "sampling"], "content": "Explain top-p."}]
    workshop.seed(replace(workshop.wanted, suggestions=()))
    given_back = factory if server.client().dialect().has_its_own_suggestions_back else []
    assert (shown() or []) == (given_back or [])
    assert workshop.seed().changed == 0


def test_the_menu_begins_with_the_workshops_models_and_a_new_chat_with_the_chosen_one(
    new_class: NewClass, server: Server
) -> None:
    form = server.as_admin.get("/api/v1/configs/models")
    server.as_admin.post("/api/v1/configs/models", {**form, "MODEL_ORDER_LIST": ["mine", "chat"]})
    workshop = new_class(1, models=(CHAT, TUTOR), chosen=("tutor", "chat"))
    workshop.seed()

    found = server.as_admin.get("/api/v1/configs/models")
    assert (found["DEFAULT_MODELS"], found["MODEL_ORDER_LIST"]) == ("tutor,chat", ["chat", "tutor", "mine"])
    owner = server.client().sign_in(workshop.person("p01").email, workshop.person("p01").password)
    assert owner.get("/api/config")["default_models"] == "tutor,chat"
    assert workshop.seed().changed == 0
