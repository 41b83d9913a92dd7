"""Seeding a real Open WebUI: accounts, keys, groups and models, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

import openai
import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.wanted import VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(WebUIRefused) as caught:
        call()
    return caught.value.status


def test_twelve_people_in_two_teams_and_again_with_nothing_to_do(new_class: NewClass) -> None:
    workshop = new_class(12)

    first = workshop.seed()
    keys = {person.id: workshop.key(person.id) for person in workshop.wanted.people}
    began = perf_counter()
    second = workshop.seed()

    assert first.created >= 12
    assert (second.created, second.changed, workshop.said) == (0, 0, [])
    assert len({key.get_secret_value() for key in keys.values()}) == 12
    assert {person.id: workshop.key(person.id) for person in workshop.wanted.people} == keys
    print(f"12 people, nothing to do: {perf_counter() - began:.2f} s")


def test_everyone_sees_the_models_for_everybody_and_those_of_their_team(new_class: NewClass) -> None:
    workshop = new_class()
    workshop.seed()

    assert workshop.models("p01") == {"chat", "big/model-7B:q4", "red-only", "both"}
    assert workshop.models("p02") == {"chat", "big/model-7B:q4", "both"}


def test_a_participant_chats_with_their_key_plain_and_streamed(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    key = workshop.key("p02").get_secret_value()
    with openai.OpenAI(base_url=f"{server.url}/api", api_key=key, max_retries=0) as client:
        for model in ("chat", "big/model-7B:q4", "both"):
            answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
            assert answer.choices[0].message.content == "Hello from the stub"
        with client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hello"}], stream=True
        ) as stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == "Hello from the stub"


def test_a_model_of_another_team_is_not_there(new_class: NewClass) -> None:
    workshop = new_class()
    workshop.seed()
    blue = workshop.caller("p02")

    for path in ("/api/chat/completions", "/openai/chat/completions"):
        assert refusal(lambda path=path: blue.post(path, {"model": "red-only", **HELLO})) in {400, 403, 404}  # type: ignore[misc]


def test_the_gateway_learns_the_person_and_the_service_key(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    before = len(server.asked())

    workshop.caller("p01").post("/api/chat/completions", {"model": "chat", **HELLO})
    workshop.caller("p02").post("/openai/chat/completions", {"model": "chat", **HELLO})
    workshop.caller("p01").post("/api/embeddings", {"model": "chat", "input": "Hello"})

    for asked, participant in zip(server.asked()[before:], ("p01", "p02", "p01"), strict=True):
        expected = {
            "authorization": f"Bearer {workshop.wanted.gateway_key.get_secret_value()}",
            "x-openwebui-user-email": workshop.person(participant).email,
        }
        assert asked["headers"].items() >= expected.items()
        if server.client().dialect().names_the_asker:  # else the server's own switch does, and says more
            assert asked["headers"] == expected
        assert asked["body"]["model"] == "chat"


def test_a_call_that_open_webui_makes_for_a_person_names_them_too(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    before = len(server.asked())

    workshop.caller("p02").post("/api/v1/tasks/moa/completions", {"model": "chat", "prompt": "x", "responses": ["y"]})

    (asked,) = server.asked()[before:]
    assert asked["headers"]["x-openwebui-user-email"] == workshop.person("p02").email


def test_nobody_signs_up_and_a_participant_is_no_administrator(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    form = {"name": "Eve", "email": "eve@tests.workshop.local", "password": "a long password"}

    assert refusal(lambda: server.client().post("/api/v1/auths/signup", form)) == 403
    assert refusal(lambda: workshop.caller("p01").get("/api/v1/users/all")) == 401
    assert refusal(lambda: workshop.caller("p01").get("/openai/config")) == 401


def test_a_participant_signs_in_with_the_password_of_the_card(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    person = workshop.person("p01")

    owner = server.client().sign_in(person.email.upper(), person.password)

    assert owner.get("/api/v1/auths/api_key")["api_key"] == workshop.key("p01").get_secret_value()
    assert refusal(lambda: server.client().sign_in(person.email, SecretStr("wrong"))) == 400


def test_a_model_that_leaves_is_gone_and_one_that_comes_is_there(new_class: NewClass) -> None:
    workshop = new_class()
    workshop.seed()

    workshop.seed(
        replace(workshop.wanted, models=(*workshop.wanted.models[2:], VisibleModel("new", "vllm", ("blue",))))
    )

    assert workshop.models("p01") == {"red-only", "both"}
    assert workshop.models("p02") == {"both", "new"}
    workshop.caller("p02").post("/api/chat/completions", {"model": "new", **HELLO})


def test_a_person_who_changes_team_changes_models(new_class: NewClass) -> None:
    workshop = new_class()
    workshop.seed()

    workshop.seed(workshop.with_person("p02", team="red"))
    assert "red-only" in workshop.models("p02")

    workshop.seed(workshop.with_person("p02", team=None))
    assert workshop.models("p02") == {"chat", "big/model-7B:q4"}


def test_what_someone_changed_by_hand_is_said_and_put_back(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    admin = server.as_admin
    public = {
        "id": "red-only",
        "access_grants": [{"principal_type": "user", "principal_id": "*", "permission": "read"}],
    }
    admin.post("/api/v1/models/model/access/update", public)
    admin.post("/api/v1/auths/admin/config", {**settings_of(admin), "ENABLE_SIGNUP": True, "ENABLE_API_KEYS": False})
    user = workshop.record("p01").user_id
    by_hand = {"role": "admin", "name": "Mallory", "email": "m@x.workshop.local", "profile_image_url": "/user.png"}
    admin.post(f"/api/v1/users/{user}/update", by_hand)

    result = workshop.seed()

    assert (result.created, result.changed) == (0, 3)
    assert workshop.said == [
        "admin settings: set ENABLE_API_KEYS, ENABLE_SIGNUP",
        "model red-only: shown to red",
        "account p01: role set, name set, email set",
    ]
    assert "red-only" not in workshop.models("p02")


def settings_of(admin: WebUI) -> dict[str, object]:
    return dict(admin.get("/api/v1/auths/admin/config"))


def test_an_instructors_own_connection_stays(new_class: NewClass, server: Server) -> None:
    workshop = new_class()
    workshop.seed()
    admin = server.as_admin
    form = admin.get("/openai/config")
    mine = {"enable": True, "model_ids": ["mine"], "prefix_id": "", "tags": [], "auth_type": "bearer"}
    form["OPENAI_API_BASE_URLS"].insert(0, "https://llm.example.org/v1")
    form["OPENAI_API_KEYS"].insert(0, "my-own-key")
    form["OPENAI_API_CONFIGS"] = {"0": mine, "1": form["OPENAI_API_CONFIGS"]["0"]}
    admin.post("/openai/config/update", form)

    workshop.seed(replace(workshop.wanted, gateway_key=SecretStr("rotated")))
    again = workshop.seed()

    found = admin.get("/openai/config")
    assert found["OPENAI_API_BASE_URLS"] == [workshop.wanted.gateway_url, "https://llm.example.org/v1"]
    assert found["OPENAI_API_KEYS"] == ["rotated", "my-own-key"]
    assert found["OPENAI_API_CONFIGS"]["1"] == mine
    assert again.changed == 0
    assert "mine" not in workshop.models("p01")


@pytest.mark.parametrize(
    "name",
    [
        "Robert'); DROP TABLE user;--",
        'quotes " and {braces} <b>tags</b> & \\ backslash',
        "{{7*7}} ${7*7} {{USER_EMAIL}}",
        "\u202eright to left \u0645\u0631\u062d\u0628\u0627",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 emoji \U0001f511",
        "two\nlines\tand tab",
        "x" * 200,
    ],
)
def test_names_of_people_and_teams_are_kept_to_the_letter(new_class: NewClass, server: Server, name: str) -> None:
    workshop = new_class(1)
    models = (VisibleModel("chat", "vllm", (name,)), VisibleModel("red-only", "vllm", ("red",)))
    workshop.seed(replace(workshop.with_person("p01", name=name, team=name), models=models))

    user = server.as_admin.get(f"/api/v1/users/{workshop.record('p01').user_id}")
    assert user["name"] == name
    assert workshop.models("p01") == {"chat"}
    assert workshop.seed().changed == 0
    workshop.caller("p01").post("/api/chat/completions", {"model": "chat", **HELLO})


@pytest.mark.parametrize("mail", ["o'brien+tag%_@x.workshop.local", "müller@x.workshop.local"])
def test_a_mail_with_odd_letters_reaches_the_gateway(new_class: NewClass, server: Server, mail: str) -> None:
    if not mail.isascii():
        server.since("0.9.6", "sends the letters of a mail as they are")
    workshop = new_class(1)
    workshop.seed(workshop.with_person("p01", email=mail))
    before = len(server.asked())

    workshop.caller("p01").post("/api/chat/completions", {"model": "chat", **HELLO})

    (asked,) = server.asked()[before:]
    assert unquote(asked["headers"]["x-openwebui-user-email"]) == mail
    assert workshop.seed().changed == 0


def test_one_refused_account_costs_that_account_and_is_named(new_class: NewClass) -> None:
    workshop = new_class(3)

    with pytest.raises(UserError) as caught:
        workshop.seed(workshop.with_person("p02", email="no-domain"))

    assert caught.value.code == "webui_accounts"
    assert "p02" in caught.value.message
    assert workshop.store.get("p02") is None
    assert workshop.models("p01")
    assert workshop.models("p03")


def test_the_administrators_mail_is_no_participants(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)

    with pytest.raises(UserError, match="administrator's own"):
        workshop.seed(workshop.with_person("p01", email=server.admin.email))


def test_two_people_with_one_mail_are_named_before_anything_is_made(new_class: NewClass) -> None:
    workshop = new_class(2)

    with pytest.raises(UserError, match="p01 and p02"):
        workshop.seed(workshop.with_person("p02", email=workshop.person("p01").email.upper()))

    assert workshop.said == []


def test_no_secret_stands_in_the_containers_configuration(server: Server) -> None:
    shown = str(server.container.client.api.inspect_container(server.container.id))

    assert server.secret_key not in shown
    assert server.admin.password.get_secret_value() not in shown
    assert "WEBUI_ADMIN_EMAIL" in shown


def test_a_start_without_internet_logs_no_error(server: Server) -> None:
    start, started, _ = server.container.logs().decode().partition('"GET /ready HTTP/1.1" 200')

    assert started
    assert "Traceback" not in start
    assert "ERROR" not in start


@pytest.mark.full("a restart takes half a minute; tests/stack/workshop has one")
def test_accounts_keys_and_models_outlive_a_restart(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    workshop.seed()

    server.container.restart()
    server.client().wait_ready(180)

    workshop.caller("p01").post("/api/chat/completions", {"model": "chat", **HELLO})
    assert workshop.models("p01") == {"chat", "big/model-7B:q4", "red-only", "both"}
    assert workshop.seed().changed == 0
