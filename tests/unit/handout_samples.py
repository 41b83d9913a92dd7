"""Made-up handouts for the tests of cards, folder and guide; and cards read back."""

import io
import re
import unicodedata

import pypdf
import pytest

from orchestrator.handouts import cards
from orchestrator.handouts.press import Press
from orchestrator.handouts.values import Handout
from orchestrator.identity import keys
from orchestrator.identity.credentials import Credentials
from orchestrator.identity.participant import Participant
from orchestrator.resources import TEMPLATES

SECRET = b"s" * 32
OWN_FONTS = Press(None, system_fonts=False)  # only those inside typst: the same on every machine


def credentials(number: int = 1, name: str | None = "Ada Lovelace", team: str | None = None) -> Credentials:
    person = Participant(f"p{number:02}", name, None, team)
    return Credentials(
        participant=person,
        api_base="https://llm.example.org:8080/v1",
        api_key=keys.api_key(SECRET, person.id, 1),
        webui_url="https://llm.example.org:3000",
        webui_email=person.webui_email("llm-on-prem"),
        webui_password=keys.password(SECRET, "webui", person.id, 1),
        webui_api_key=None,
        models=("mistral-7b", "llama3.2"),
    )


def handout(*people: Credentials) -> Handout:
    return Handout(
        workshop="llm-on-prem",
        title="LLMs on premise",
        window_text="1 Dec 2026, 08:30 to 17:30",
        api_base="https://llm.example.org:8080/v1",
        webui_url="https://llm.example.org:3000",
        paper="a4",
        per_page=1,
        fonts=None,
        credentials=people,
        models=(),
        ollama_base=None,
        instructor_contact=None,
        practice=False,
        ca_certificate=None,
    )


def pages(wanted: Handout, press: Press = OWN_FONTS) -> list[str]:
    """The text of each page, without the places where lines end."""
    reader = pypdf.PdfReader(io.BytesIO(without_codes(wanted, press)))
    return [squeezed(page.extract_text()) for page in reader.pages]


def without_codes(wanted: Handout, press: Press = OWN_FONTS) -> bytes:
    """The cards with a white square for each QR code: pypdf would read every line of it, many times as long as texts."""
    white = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="29" height="29"><path fill="#fff" d="M0 0h29v29H0z"/></svg>'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards, "qr_svg", lambda _: white.decode())
        return cards.cards_pdf(wanted, TEMPLATES / "handouts", press)


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", unicodedata.normalize("NFC", text))
