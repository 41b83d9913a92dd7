"""Accounts at Open WebUI, as they should be. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from orchestrator.identity import keys
from orchestrator.identity.participant import Participant

ADMIN = "admin"
PASSWORD = "webui-password"  # noqa: S105 - what is derived, not a password


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's account. `generation` is the password's; not `active`: access ends, chats stay."""

    id: str
    email: str
    name: str
    password: SecretStr
    team: str | None = None
    generation: int = 1
    active: bool = True
    role: str = "user"  # or admin
    keyed: bool = True  # gets an API key there


@dataclass(frozen=True, slots=True)
class Admin:
    """The first administrator, whom the server made itself at its first start.

    With a `key`, of a server elsewhere: whoever that belongs to; no account there has the mail.
    """

    email: str
    password: SecretStr
    key: SecretStr | None = None


def account_of(secret: bytes, workshop: str, person: Participant) -> Account:
    """That of a participant, or of one of the verifiers, of the workshop with this name."""
    return Account(
        id=person.id,
        email=person.webui_email(workshop),
        name=person.label,
        password=keys.password(secret, PASSWORD, person.id, person.password_generation),
        team=person.team,
        generation=person.password_generation,
        active=person.state == "active",
    )
