"""What each participant signs in with: derived, never stored but for Open WebUI's own keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from orchestrator.identity.participant import Participant


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


class KnownAccount(Protocol):
    """What is remembered of an account that was made."""

    @property
    def api_key(self) -> SecretStr | None:
        """Open WebUI's own; None: not minted yet."""

    @property
    def password_changed(self) -> bool:
        """The person chose another one."""

    @property
    def theirs(self) -> bool:
        """It was there before, at a server of others."""
