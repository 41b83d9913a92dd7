"""What handouts are made from, and what was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.identity.credentials import Credentials

CA_FILE = "workshop-ca.crt"  # PEM; Windows, phones and update-ca-certificates go by the ending
Paper = Literal["a4", "letter"]


@dataclass(frozen=True, slots=True)
class GuideModel:
    """A model as the guide lists it."""

    name: str  # what clients send
    engine: str
    teams: tuple[str, ...] | None = None  # None: everybody
    ollama: bool = False  # served on Ollama's native routes too
    chat: bool = True  # False: an embedding model


@dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """One workshop's handouts. Equal values give equal bytes."""

    workshop: str
    title: str
    window_text: str | None  # when keys work, in words; None: always
    api_base: str  # ends in /v1
    webui_url: str | None  # no trailing slash; None without a WebUI for everybody
    paper: Paper
    per_page: int
    fonts: Path | None  # a folder with more fonts, searched before the system's
    credentials: tuple[Credentials, ...]
    models: tuple[GuideModel, ...]
    ollama_base: str | None  # `/api/chat` comes after it; None where the native routes are not served
    instructor_contact: str | None
    practice: bool  # answers are random text, and everything says so
    ca_certificate: Path | None  # PEM: who signed the gateway's certificate, if browsers don't know them
    own_pages: str | None = None  # per_participant or per_team: the address is another one on each card
    connect_at: str | None = None  # what is to be typed there as a connection's URL; None: it is connected

    @property
    def has_page(self) -> bool:
        """There is a chat in the browser, for everybody or for each."""
        return self.webui_url is not None or self.own_pages is not None

    @property
    def active(self) -> tuple[Credentials, ...]:
        """Those who get a card: the revoked and the removed don't."""
        return tuple(one for one in self.credentials if one.participant.state == "active")


@dataclass(frozen=True, slots=True)
class Written:
    """The handouts that lie in the folder now."""

    files: tuple[Path, ...]
    changed: bool  # False: all of them lay there already, byte by byte
    cards: int
