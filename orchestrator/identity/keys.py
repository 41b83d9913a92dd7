"""Keys and passwords are derived from the workshop's secret, never stored. Pure.

The API key's text form follows Crockford's base 32 (https://www.crockford.com/base32.html): no i, l, o or u, so that it
can be typed from paper. The gateway's njs implements `normalise`, `is_well_formed` and `fingerprint` again; both sides
are held together by tests/vectors/keys.json.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache

from pydantic import SecretStr

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PREFIX = "ws-"
BODY = 24  # characters, 5 bits each: 120 bits
CHECK = 2
GROUP = 4
MODULUS = 1021  # the largest prime below 32**2: any one wrong character and any swap of two neighbours changes the rest
PASSWORD_WORDS = 5  # of 2048: 55 bits
SECRET_BYTES = 32

_CONFUSABLE = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


def new_secret() -> bytes:
    """A workshop's secret: 256 random bits."""
    return secrets.token_bytes(SECRET_BYTES)


def api_key(secret: bytes, participant: str, generation: int) -> SecretStr:
    """The participant's key for the gateway, grouped for typing: `ws-xxxx-xxxx-xxxx-xxxx-xxxx-xxxx-cc`."""
    number = int.from_bytes(_derive(secret, "api-key", participant, generation)[: BODY * 5 // 8])
    body = "".join(ALPHABET[number >> shift & 31] for shift in range((BODY - 1) * 5, -1, -5))
    text = body + _checksum(body)
    return SecretStr(PREFIX + "-".join(text[start : start + GROUP] for start in range(0, len(text), GROUP)))


def password(secret: bytes, purpose: str, participant: str, generation: int) -> SecretStr:
    """A password that can be read aloud: five words of the BIP-39 English list, whose first four letters are unique."""
    number = int.from_bytes(_derive(secret, purpose, participant, generation))
    listed = words()
    return SecretStr("-".join(listed[number >> 11 * place & 2047] for place in range(PASSWORD_WORDS)))


def token(secret: bytes, purpose: str) -> SecretStr:
    """A secret between two programs (hex, 256 bits), never typed by anyone."""
    return SecretStr(_derive(secret, purpose, "", 1).hex())


def normalise(key: str) -> str:
    """The one spelling that is hashed: lower case, no hyphens after the prefix, o as 0, i and l as 1."""
    text = key.strip().lower()
    return PREFIX + text[len(PREFIX) :].translate(_CONFUSABLE) if text.startswith(PREFIX) else text


def is_well_formed(key: str) -> bool:
    """Whether the length, the alphabet and the checksum are right: if not, the key was mistyped rather than made up."""
    text = normalise(key).removeprefix(PREFIX)
    body, check = text[:BODY], text[BODY:]
    return len(text) == BODY + CHECK and all(c in ALPHABET for c in text) and _checksum(body) == check


def fingerprint(key: SecretStr | str) -> str:
    """SHA-256 (hex) of the normalised key: all that the gateway knows of it."""
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    return hashlib.sha256(normalise(text).encode()).hexdigest()


def _derive(secret: bytes, purpose: str, participant: str, generation: int) -> bytes:
    message = "\0".join((purpose, participant, str(generation))).encode()
    return hmac.digest(secret, message, "sha256")


def _checksum(body: str) -> str:
    value = 0
    for character in body:
        value = (value * 32 + ALPHABET.index(character)) % MODULUS
    return ALPHABET[value // 32] + ALPHABET[value % 32]


@cache
def words() -> list[str]:
    """The BIP-39 English list: 2048 words, whose first four letters are unique."""
    from mnemonic import Mnemonic

    return list(Mnemonic("english").wordlist)
