"""A stream locked with a passphrase: scrypt, then ChaCha20-Poly1305 chunk by chunk. Pure, but for randomness.

    line     "workshop-state 1" and a line feed
    salt     16 random bytes
    check    32 bytes, HMAC-SHA256 over line and salt
    chunks   64 KiB of plain text each, and a tag of 16 bytes; the last one is shorter or as long

scrypt (RFC 7914; N 2^17, r 8, p 1) makes 64 bytes of passphrase and salt: the chunks' key, and the check's. A chunk's
nonce is its number (11 bytes) and a byte that is 1 for the last chunk, as in STREAM (Hoang, Reyhanitabar, Rogaway,
Vizár, 2015): none can be left out, put elsewhere, or cut off at the end. Its associated data is the first line.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretStr

from orchestrator.errors import UserError

NAME = b"workshop-state "
LINE = NAME + b"1\n"
SALT = 16
CHECK = KEY = 32
HEADER = len(LINE) + SALT + CHECK
CHUNK = 64 * 1024  # bytes of plain text
TAG = 16
_COST = 2**17  # scrypt's N: 128 MiB and about half a second


def seal(plain: Iterable[bytes], passphrase: SecretStr) -> Iterator[bytes]:
    """The locked file, in pieces."""
    salt = os.urandom(SALT)
    cipher, check = _keys(passphrase, salt)
    yield LINE + salt + _check(check, salt)
    number, waiting = 0, bytearray()
    for piece in plain:
        waiting += piece
        while len(waiting) > CHUNK:  # a full chunk waits until it is known whether it is the last
            yield cipher.encrypt(_nonce(number, last=False), bytes(waiting[:CHUNK]), LINE)
            del waiting[:CHUNK]
            number += 1
    yield cipher.encrypt(_nonce(number, last=True), bytes(waiting), LINE)


def read_salt(file: BinaryIO) -> tuple[bytes, bytes]:
    """Salt and check, before a passphrase is asked for. Raises UserError `handover_unknown`, `handover_newer`."""
    header = file.read(HEADER)
    if not header.startswith(NAME):
        hint = "It is what `workshop state export` wrote"
        raise UserError("handover_unknown", "this is not a workshop's exported state", hint=hint)
    if len(header) < HEADER:
        raise _damaged("this export is cut short")
    if not header.startswith(LINE):
        message = "this export is of a form that this version of the program does not know, or was altered"
        raise UserError("handover_newer", message, hint="Install the version that made it, or have it sent again")
    return header[len(LINE) : -CHECK], header[-CHECK:]


def unseal(file: BinaryIO, salt: bytes, check: bytes, passphrase: SecretStr) -> Iterator[bytes]:
    """What was locked, each piece proven to be unchanged and in its place; whole once the iterator has ended.

    `file` stands behind the header. Raises UserError `passphrase_wrong`, at once, and `handover_damaged`.
    """
    cipher, own = _keys(passphrase, salt)
    if not hmac.compare_digest(_check(own, salt), check):
        message = "the passphrase is not the one that this export was locked with (or its first bytes were altered)"
        raise UserError("passphrase_wrong", message, hint="Try again; capitals, blanks and hyphens count")
    return _chunks(file, cipher)


def _chunks(file: BinaryIO, cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    number, sealed = 0, file.read(CHUNK + TAG)
    while following := file.read(CHUNK + TAG):
        yield _opened(cipher, number, sealed, last=False)
        number, sealed = number + 1, following
    yield _opened(cipher, number, sealed, last=True)


def _opened(cipher: ChaCha20Poly1305, number: int, sealed: bytes, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), sealed, LINE)
    except InvalidTag:
        place = HEADER + number * (CHUNK + TAG)
        if not last:
            raise _damaged(f"this export was altered after byte {place}") from None
        raise _damaged(f"this export is cut short, or was altered after byte {place}") from None


def _damaged(message: str) -> UserError:
    return UserError("handover_damaged", message, hint="Have it sent again; nothing was imported")


def _keys(passphrase: SecretStr, salt: bytes) -> tuple[ChaCha20Poly1305, bytes]:
    text = unicodedata.normalize("NFKC", passphrase.get_secret_value())  # machines write an é in several ways
    both = Scrypt(salt=salt, length=2 * KEY, n=_COST, r=8, p=1).derive(text.encode())
    return ChaCha20Poly1305(both[:KEY]), both[KEY:]


def _check(key: bytes, salt: bytes) -> bytes:
    return hmac.digest(key, LINE + salt, "sha256")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])
