"""Who takes part, and what each of them signs in with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

ParticipantState = Literal["active", "revoked", "removed"]


@dataclass(frozen=True, slots=True)
class Participant:
    """A person or a spare seat. `id` is given once per workshop and never to someone else."""

    id: str
    name: str | None = None  # None: a seat without a name
    email: str | None = None  # as given in the roster; None where none was given
    team: str | None = None
    spare: bool = False
    state: ParticipantState = "active"
    key_generation: int = 1  # from 1; rotating the key adds one
    password_generation: int = 1  # from 1
    seat_sign_in: bool = False  # took a spare seat: the address on its card stays the sign-in at Open WebUI

    @property
    def label(self) -> str:
        """What a card and a table call this participant."""
        return self.name or f"Seat {self.id}"

    def webui_email(self, workshop: str) -> str:
        """The sign-in at Open WebUI: the roster's mail, else one made up for this workshop."""
        own = None if self.seat_sign_in else self.email
        return (own or f"{self.id}@{workshop}.workshop.local").lower()


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that one participant needs, as printed on a card and listed by `participants list`."""

    participant: Participant
    api_base: str  # ends in /v1
    api_key: SecretStr | None
    webui_url: str | None  # no trailing slash; None without a WebUI
    webui_email: str | None
    webui_password: SecretStr | None  # None where the person chose another one
    webui_api_key: SecretStr | None
    models: tuple[str, ...]  # the names that clients send
    own_account: bool = False  # at a server of others, which was the person's before
