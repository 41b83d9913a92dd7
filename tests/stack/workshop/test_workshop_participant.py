"""What a participant does with a card: OpenAI's client with the key, Open WebUI with the sign-in."""

from __future__ import annotations

from typing import Any

import openai
import pytest
import requests

from tests.stack.workshop.bed import Workshop, ask

HELLO: Any = [{"role": "user", "content": "Hello"}]
EVERYBODY = ["tiny-chat", "qwen2.5-7b", "llama3.2"]


@pytest.fixture(scope="module")
def people(main: Workshop) -> list[dict[str, Any]]:
    return main.people()


@pytest.fixture(scope="module")
def anyone(people: list[dict[str, Any]]) -> dict[str, Any]:
    return next(person for person in people if person["team"] is None)


@pytest.fixture(scope="module")
def staff(people: list[dict[str, Any]]) -> dict[str, Any]:
    return next(person for person in people if person["team"] == "staff")


@pytest.mark.parametrize("model", EVERYBODY)
def test_every_model_answers(main: Workshop, anyone: dict[str, Any], model: str) -> None:
    answer = main.client(anyone).chat.completions.create(model=model, messages=HELLO, max_tokens=8)

    assert answer.model == model
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 8


@pytest.mark.parametrize("model", EVERYBODY)
def test_every_model_streams(main: Workshop, anyone: dict[str, Any], model: str) -> None:
    stream = main.client(anyone).chat.completions.create(model=model, messages=HELLO, max_tokens=8, stream=True)
    chunks = [chunk for chunk in stream if chunk.choices]

    assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) > 1
    assert chunks[-1].choices[0].finish_reason in {"length", "stop"}


def test_each_sees_the_models_that_are_theirs(main: Workshop, anyone: dict[str, Any], staff: dict[str, Any]) -> None:
    assert sorted(model.id for model in main.client(anyone).models.list()) == sorted(EVERYBODY)
    assert sorted(model.id for model in main.client(staff).models.list()) == sorted([*EVERYBODY, "staff-model"])


def test_every_key_of_the_list_works(main: Workshop, people: list[dict[str, Any]]) -> None:
    for person in people:
        assert ask(main.client(person), "tiny-chat")


def test_a_key_typed_in_capitals_without_hyphens_works(main: Workshop, anyone: dict[str, Any]) -> None:
    typed = "ws-" + anyone["api_key"].removeprefix("ws-").replace("-", "").upper()

    assert ask(main.client(typed), "tiny-chat")


def test_a_wrong_key_is_an_authentication_error(main: Workshop, anyone: dict[str, Any]) -> None:
    right = anyone["api_key"]
    wrong = right[:3] + ("0" if right[3] != "0" else "1") + right[4:]

    with pytest.raises(openai.AuthenticationError) as refused:
        ask(main.client(wrong), "tiny-chat")

    assert refused.value.code == "mistyped_api_key"


def test_another_teams_model_is_not_found(main: Workshop, anyone: dict[str, Any], staff: dict[str, Any]) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        ask(main.client(anyone), "staff-model")

    assert refused.value.code == "model_not_found"
    assert ask(main.client(staff), "staff-model")


def webui_models(main: Workshop, token: str) -> list[str]:
    answer = requests.get(f"{main.webui}/api/models", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return sorted(model["id"] for model in answer.json()["data"])


def test_the_webuis_own_key_lists_the_same_models(
    main: Workshop, anyone: dict[str, Any], staff: dict[str, Any]
) -> None:
    assert webui_models(main, anyone["webui_api_key"]) == sorted(EVERYBODY)
    assert webui_models(main, staff["webui_api_key"]) == sorted([*EVERYBODY, "staff-model"])


def test_the_webuis_own_key_asks_a_model(main: Workshop, anyone: dict[str, Any]) -> None:
    with openai.OpenAI(base_url=f"{main.webui}/api", api_key=anyone["webui_api_key"], max_retries=0) as client:
        assert ask(client, "tiny-chat")


def test_every_sign_in_of_the_list_works(main: Workshop, people: list[dict[str, Any]]) -> None:
    for person in people:
        answer = main.sign_in(person["webui_email"], person["webui_password"])

        assert answer.status_code == 200, answer.text
        assert (answer.json()["email"], answer.json()["role"]) == (person["webui_email"], "user")
        assert "staff-model" in webui_models(main, answer.json()["token"]) or person["team"] != "staff"


def test_a_wrong_password_and_a_sign_up_are_refused(main: Workshop, anyone: dict[str, Any]) -> None:
    assert main.sign_in(anyone["webui_email"], "wrong").status_code == 400
    form = {"name": "Eve", "email": "eve@class.example.org", "password": "let me in, please"}
    assert requests.post(f"{main.webui}/api/v1/auths/signup", json=form, timeout=60).status_code == 403


def test_the_page_comes_through_the_gateway(main: Workshop) -> None:
    page = requests.get(main.webui, timeout=60)

    assert page.status_code == 200
    assert (
        requests.get(f"{main.webui}/api/config", timeout=60).json()["name"].removesuffix(" (Open WebUI)")
        == 'Stack "test" {{7*7}} $HOME'
    )
