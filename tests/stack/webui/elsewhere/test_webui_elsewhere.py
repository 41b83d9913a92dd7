"""An Open WebUI that belongs to others: workshops stand beside what is there, and leave it as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from orchestrator.webui.clear import Found
from orchestrator.webui.client import WebUI
from orchestrator.webui.house import named
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.seed import look
from tests.stack.webui.bed.guests import HELLO, PASSWORD, TUTOR, Guests, House, refusal

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Server

pytestmark = pytest.mark.full(
    "a second Open WebUI and two classes in it, minutes; tests/unit/test_webui_matching has what is whose"
)


def test_two_workshops_stand_beside_each_other_and_each_leaves_without_a_trace(
    house: House, come: Callable[..., Guests], server: Server
) -> None:
    alone = house.everything()
    beta = come("beta")
    beta.seed()
    with_beta = house.everything()
    alpha = come("alpha")

    alpha.seed()
    again = alpha.seed()

    assert (again.created, again.changed, alpha.members.said) == (0, 0, [])
    assert alpha.members.models("p01") == {"alpha.chat", "alpha.red-only", "alpha.tutor"}
    assert alpha.members.models("p02") == {"alpha.chat", "alpha.tutor"}
    before = len(server.asked())
    for model in ("alpha.chat", "alpha.tutor"):
        alpha.members.caller("p02").post("/api/chat/completions", {"model": model, **HELLO})
    asked = server.asked()[before:]
    assert [one["body"]["model"] for one in asked] == ["chat", "chat"]
    assert {one["headers"]["x-openwebui-user-email"] for one in asked} == {"p02@alpha.workshop.local"}
    for model in ("beta.chat", "chat-of-the-house"):
        with pytest.raises(WebUIRefused):
            alpha.members.caller("p01").post("/api/chat/completions", {"model": model, **HELLO})
    assert alpha.leave() == Found(())
    assert house.everything() == with_beta
    assert beta.leave() == Found(())
    assert house.everything() == alone


def test_a_second_look_finds_nothing_and_a_first_one_changes_nothing(house: House, come: Callable[..., Guests]) -> None:
    alpha, before = come("alpha"), house.everything()

    first = {one.what for one in look(house.admin, alpha.members.wanted, alpha.members.store)}

    assert house.everything() == before
    assert first >= {"group workshop-alpha", "connection to the gateway", "model alpha.chat", "account p01"}
    alpha.seed()
    assert look(house.admin, alpha.members.wanted, alpha.members.store) == ()


def test_what_differs_by_hand_is_seen_and_put_right(house: House, come: Callable[..., Guests]) -> None:
    alpha = come("alpha")
    alpha.seed()
    house.admin.post("/api/v1/models/model/delete", {"id": "alpha.tutor"})

    assert [one.what for one in look(house.admin, alpha.members.wanted, alpha.members.store)] == ["model alpha.tutor"]
    assert alpha.seed().created == 1


def test_an_account_that_was_there_stays_the_persons_own(
    house: House, come: Callable[..., Guests], server: Server
) -> None:
    alpha = come("alpha")
    ada = house.account("grace@house.example.org", "Grace")
    alpha.members.wanted = alpha.members.with_person("p01", email="grace@house.example.org")
    before = house.everything()

    alpha.seed()
    again = alpha.seed()

    record = alpha.members.record("p01")
    assert (record.user_id, record.theirs, record.api_key) == (ada["id"], True, None)
    assert (again.created, again.changed) == (0, 0)
    grace = server.client().sign_in("grace@house.example.org", PASSWORD)
    assert {one["id"] for one in grace.get("/api/models")["data"]} >= {"alpha.chat", "alpha.red-only"}
    alpha.seed(people=alpha.members.with_person("p01", active=False).people)
    assert grace.get("/api/models")["data"] == []
    assert alpha.leave() == Found(())
    assert house.everything() == before
    house.admin.delete(f"/api/v1/users/{ada['id']}")


def test_an_account_that_a_killed_run_did_not_note_is_known_by_its_password(come: Callable[..., Guests]) -> None:
    alpha = come("alpha")
    alpha.seed()
    first = alpha.members.record("p01")
    alpha.members.store.remove("p01")

    alpha.seed()

    assert alpha.members.record("p01") == first


def test_a_workshop_of_the_same_name_is_refused_and_takes_nothing_away(
    house: House, come: Callable[..., Guests]
) -> None:
    first = come("alpha")
    first.seed()
    before = house.everything()
    second = come("alpha", "another-deployment")

    problem = refusal(second.seed)

    assert (problem.code, "workshop-alpha" in problem.message) == ("webui_name_taken", True)
    assert second.leave() == Found(())
    assert house.everything() == before


def test_a_group_whose_description_was_changed_there_is_named_and_all_else_goes(
    house: House, come: Callable[..., Guests]
) -> None:
    alpha, before = come("alpha"), house.everything()
    alpha.seed()
    group = next(one for one in house.admin.get("/api/v1/groups/") if one["name"] == "workshop-alpha")
    path = f"/api/v1/groups/id/{group['id']}"
    house.admin.post(f"{path}/update", {"name": "workshop-alpha", "description": "Of Alpha"})

    found = alpha.leave()

    left = "group workshop-alpha: its description does not say any more that it is the workshop's"
    assert found == Found((), (left,))
    house.admin.delete(f"{path}/delete")
    assert house.everything() == before


def test_an_entry_of_the_house_with_the_same_name_is_named_and_left(house: House, come: Callable[..., Guests]) -> None:
    alpha = come("alpha")
    mine = replace(TUTOR, name="taken")
    before = house.admin.get("/api/v1/models/model", id="alpha.taken")

    problem = refusal(lambda: alpha.seed(models=named(alpha.plain(mine), alpha.marks, house.key).models))

    assert (problem.code, "alpha.taken" in problem.message) == ("webui_parts", True)
    assert house.admin.get("/api/v1/models/model", id="alpha.taken") == before
    assert "alpha.chat" in alpha.members.models("p02")


def test_a_key_of_nobody_and_of_no_administrator_is_told_with_the_next_step(
    come: Callable[..., Guests], house: House
) -> None:
    alpha = come("alpha")
    alpha.seed()
    participant = alpha.members.key("p01")

    for key in (participant, SecretStr("sk-" + "0" * 32), SecretStr("expired")):
        wanted = named(alpha.plain(), alpha.marks, key)
        problem = refusal(lambda wanted=wanted: look(WebUI(house.admin.base_url), wanted, alpha.members.store))  # type: ignore[misc]
        assert problem.code == "webui_key_refused"
        assert house.admin.base_url in problem.message
        assert "webui.admin_key" in str(problem.hint)
        assert key.get_secret_value() not in str(problem)


def test_settings_that_the_class_lacks_are_named_and_not_changed(
    house: House, come: Callable[..., Guests], server: Server
) -> None:
    alpha = come("alpha")
    session = server.client().sign_in(server.admin.email, server.admin.password)
    path = "/api/v1/auths/admin/config"
    form = session.get(path)
    session.post(path, {**form, "ENABLE_API_KEYS": False})
    try:
        alpha.members.wanted = replace(
            alpha.members.wanted,
            admin=replace(alpha.members.wanted.admin, key=session.token),
            gateway_url="http://127.0.0.1:9/v1",
        )
        problem = refusal(alpha.seed)
        kept = session.get(path)["ENABLE_API_KEYS"]
    finally:
        session.post(path, form)

    assert problem.code == "webui_parts"
    assert "API keys: are off there" in problem.message
    assert "http://127.0.0.1:9/v1, asked by" in problem.message
    assert kept is False
    assert alpha.members.record("p01").api_key is None
    assert server.client().sign_in("p01@alpha.workshop.local", SecretStr("alpha p01 password")).token


def test_what_participants_put_there_goes_with_their_accounts(house: House, come: Callable[..., Guests]) -> None:
    before = house.everything()
    alpha = come("alpha")
    alpha.seed()
    form = {"chat": {"title": "Mine", "history": {"messages": {}}}}
    alpha.members.caller("p01").post("/api/v1/chats/new", form)

    assert alpha.leave() == Found(())
    assert house.everything() == before


def test_an_account_that_another_workshop_uses_too_is_left_to_it(house: House, come: Callable[..., Guests]) -> None:
    alpha, beta = come("alpha"), come("beta")
    alpha.seed()
    beta.members.wanted = beta.members.with_person("p01", email="p01@alpha.workshop.local")
    beta.seed()

    left = alpha.leave()

    assert left.things == ()
    assert left.left == ("account p01@alpha.workshop.local: workshop-beta has it too",)
    assert beta.members.record("p01").theirs
    beta.leave()
    assert alpha.leave() == Found(())
