"""The exercise of a class in which everybody has an Open WebUI of their own: connecting it to the gateway by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.stack.workshop.bed import Workshop, free_port, llama
from tests.stack.workshop.page_bed import Seat

pytestmark = pytest.mark.full("a browser's way through the page; test_workshop_participant asks the same without one")


@pytest.fixture(scope="module")
def card(make_workshop: Callable[..., Workshop], engine: docker.DockerClient) -> dict[str, Any]:
    """What the only participant has in hand."""
    (bridge,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    workshop = make_workshop(
        "exercise",
        public={"host": bridge["Gateway"]},  # an address that containers reach too
        participants={"count": 1},
        models=[llama("tiny-chat")],
        webui={"mode": "per_participant", "bare": True, "port": free_port()},
    )
    assert workshop.provision()["ok"] is True
    (person,) = workshop.people()
    return person


@pytest.fixture
def seat(browser: Browser, card: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Seat]:
    taken = Seat.at(browser, card["webui_url"])
    yield taken
    taken.keep(request.node.name)
    taken.leave()


def test_nothing_but_the_account_is_in_it_and_the_cards_words_connect_it(card: dict[str, Any]) -> None:
    """By the API: what the form's own button for trying would say is all that is asked, and nothing is kept."""
    page, form = card["webui_url"], {"email": card["webui_email"], "password": card["webui_password"]}
    signed_in = requests.post(f"{page}/api/v1/auths/signin", json=form, timeout=60).json()
    assert signed_in["role"] == "admin"
    headers = {"Authorization": f"Bearer {signed_in['token']}"}

    def get(path: str) -> Any:
        return requests.get(f"{page}{path}", headers=headers, timeout=60).json()

    assert get("/api/models")["data"] == []
    assert get("/api/v1/configs/banners") == []
    connected = get("/openai/config")
    assert card["api_key"] not in connected["OPENAI_API_KEYS"]
    assert not any("gateway" in url or card["api_base"] in url for url in connected["OPENAI_API_BASE_URLS"])
    tried = requests.post(
        f"{page}/openai/verify", json={"url": card["api_base"], "key": card["api_key"]}, headers=headers, timeout=60
    )
    assert [model["id"] for model in tried.json()["data"]] == ["tiny-chat"]


def test_a_participant_adds_the_gateway_with_what_the_card_says_and_chats(seat: Seat, card: dict[str, Any]) -> None:
    seat.sign_in(card["webui_email"], card["webui_password"])
    seat.arrive()
    page = seat.page
    page.get_by_role("button", name="Okay, Let's Go!").click()  # what is new in this version; an administrator is told

    seat.open("/admin/settings/connections")
    seat.until(page.get_by_text("Manage OpenAI API Connections"))
    page.get_by_role("button", name="Configure", exact=True).click()
    form = page.get_by_role("dialog").filter(has_text="Edit Connection")
    form.get_by_placeholder("API Base URL").fill(card["api_base"])
    form.get_by_placeholder("API Key").fill(card["api_key"])
    seat.picture("exercise")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Edit Connection")).to_have_count(0)

    seat.new_chat()
    assert seat.menu() == ["tiny-chat"]
    page.get_by_role("option").first.click()
    seat.type("Tell me a story.")
    assert seat.send()
