"""A participant's account at Open WebUI, as it should be, wherever that runs."""

from __future__ import annotations

from pydantic import SecretStr

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.webui.wanted import Person

PASSWORD = "webui-password"  # noqa: S105 - what is derived, not a password


def person_of(person: Participant, workshop: str, secret: bytes) -> Person:
    return Person(
        id=person.id,
        email=person.webui_email(workshop),
        name=person.label,
        password=webui_password(secret, person),
        team=person.team,
        generation=person.password_generation,
        active=person.state == "active",
    )


def webui_password(secret: bytes, person: Participant) -> SecretStr:
    return keys.password(secret, PASSWORD, person.id, person.password_generation)
