"""What a participant does at the page, in a browser, with nothing but what the card says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.stack.workshop.bed import Workshop, llama
from tests.stack.workshop.page_bed import Seat

pytestmark = pytest.mark.full("a browser's way through the page; test_workshop_participant asks the same without one")

ENDLESS = {"max_tokens": 400, "ignore_eos": True}  # so that there is something to see of an answer while it is written


@pytest.fixture(scope="module")
def workshop(browser: Browser, make_workshop: Callable[..., Workshop]) -> Workshop:
    """Not made where there is no browser to look at it."""
    made = make_workshop(
        "browser",
        title="LLMs on premise",
        participants={"roster": "people.csv"},
        models=[llama("tiny-chat"), llama("staff-model", teams=["staff"]), llama("embedder", embeds=True)],
        webui={
            "mode": "shared",
            "welcome": "Today's slides: [llm.example.org](https://llm.example.org/slides)",
            "embeddings": "embedder",
            "knowledge": [{"name": "Course notes", "files": ["notes"]}],
            "presets": [{"name": "tutor", "model": "tiny-chat", "title": "Your tutor", "parameters": ENDLESS}],
            "default_models": ["tutor"],
        },
    )
    made.roster(("Ada", "ada@class.example.org", ""), ("Grace", "grace@class.example.org", "staff"))
    (made.folder / "notes").mkdir()
    (made.folder / "notes" / "one.md").write_text("The keyword is HELVETIA.\n")
    assert made.provision()["ok"] is True
    return made


@pytest.fixture
def new_seat(browser: Browser, workshop: Workshop, request: pytest.FixtureRequest) -> Iterator[Callable[[], Seat]]:
    """Somebody whom the page doesn't know yet. What each saw last is kept, of a test that failed, too."""
    taken: list[Seat] = []

    def take() -> Seat:
        taken.append(Seat.at(browser, workshop.webui))
        return taken[-1]

    yield take
    for number, seat in enumerate(taken):
        seat.keep(f"{request.node.name}-{number}")
        seat.leave()


def card_of(workshop: Workshop, email: str) -> dict[str, Any]:
    return next(person for person in workshop.people() if person["webui_email"] == email)


@pytest.fixture(scope="module")
def seat_of_ada(browser: Browser, workshop: Workshop) -> Iterator[Seat]:
    card, seat = card_of(workshop, "ada@class.example.org"), Seat.at(browser, workshop.webui)
    seat.sign_in(card["webui_email"], card["webui_password"])
    yield seat
    seat.leave()


@pytest.fixture
def ada(seat_of_ada: Seat, request: pytest.FixtureRequest) -> Iterator[Seat]:
    """A participant of no team, signed in."""
    yield seat_of_ada
    seat_of_ada.keep(request.node.name)


def test_a_participant_signs_in_with_what_the_card_says(ada: Seat, new_seat: Callable[[], Seat]) -> None:
    ada.arrive()
    expect(ada.page.get_by_text("Today's slides: llm.example.org")).to_be_visible()

    stranger = new_seat()
    stranger.open("/auth")
    stranger.until(stranger.page.locator("#password"))
    expect(stranger.page.get_by_text("Sign up")).to_have_count(0)
    stranger.picture("sign-in")


def test_a_wrong_password_is_refused_in_words(new_seat: Callable[[], Seat]) -> None:
    seat = new_seat()
    seat.sign_in("ada@class.example.org", "not the password")

    seat.page.get_by_text("The email or password provided is incorrect").wait_for()
    expect(seat.question).to_have_count(0)


def test_the_menu_has_just_the_models_that_are_theirs(
    workshop: Workshop, ada: Seat, new_seat: Callable[[], Seat]
) -> None:
    ada.new_chat()
    assert ada.menu() == ["tiny-chat", "Your tutor"]
    ada.picture("model-menu")

    card, grace = card_of(workshop, "grace@class.example.org"), new_seat()
    grace.sign_in(card["webui_email"], card["webui_password"])
    grace.arrive()
    assert grace.menu() == ["tiny-chat", "staff-model", "Your tutor"]


def test_an_answer_is_seen_while_it_is_written(ada: Seat) -> None:
    ada.new_chat()
    ada.type("Tell me a story.")

    answer = ada.send()

    early = ada.seen()[0]
    assert early
    assert len(early) < len(answer)


def test_a_question_about_the_collection_names_its_source(ada: Seat) -> None:
    ada.new_chat()
    ada.mention("Course notes")
    ada.type("What is the keyword?")

    assert ada.send()

    ada.page.get_by_role("button", name="Toggle 1 source").click()
    ada.picture("chat")
    ada.page.get_by_role("button", name="one.md").click()
    ada.page.get_by_text("The keyword is HELVETIA.").wait_for()


@pytest.mark.parametrize("path", ["/admin", "/admin/settings/connections", "/workspace"])
def test_the_administrators_pages_are_out_of_reach(workshop: Workshop, ada: Seat, path: str) -> None:
    ada.open(path)

    ada.page.wait_for_url(f"{workshop.webui}/")
    ada.arrive()
