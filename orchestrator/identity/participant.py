"""Who takes part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
        return (own or made_up_email(self.id, workshop)).lower()


def made_up_email(who: str, workshop: str) -> str:
    """Of somebody who has none, or is nobody."""
    return f"{who}@{made_up_domain(workshop)}"


def made_up_domain(workshop: str) -> str:
    return f"{workshop}.workshop.local"
