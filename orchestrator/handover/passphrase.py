"""What an export is locked with."""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.identity.keys import words

SHORTEST = 12  # characters
WORDS = 8  # of 2048: 88 bits


def new_passphrase() -> SecretStr:
    """Words that can be read aloud, at random."""
    return SecretStr("-".join(secrets.choice(words()) for _ in range(WORDS)))


def require_long(passphrase: SecretStr) -> None:
    """Raises UserError `passphrase_short`. The export may lie in somebody's mail for years."""
    if len(passphrase.get_secret_value()) < SHORTEST:
        message = f"a passphrase has {SHORTEST} characters or more"
        raise UserError("passphrase_short", message, hint="Take several words")
