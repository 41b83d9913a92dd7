"""Somebody's text made safe to set in type: no control characters, no tricks with direction, no endless words. Pure."""

from __future__ import annotations

import unicodedata
from itertools import groupby

ZERO_WIDTH_SPACE = "\u200b"
LONGEST_WORD = 24  # characters; longer ones may be broken anywhere
_JOINERS = "\u200c\u200d"  # they shape Persian, Indic scripts and emoji families
_TAGS = range(0xE0020, 0xE0080)  # they spell the flags of England, Scotland and Wales
_MARKS_KEPT = 6  # on one letter; Tibetan and pointed Hebrew stay below


def printable(text: str) -> str:
    """`text` on one line, composed (NFC), without control characters, bidirectional overrides and surrogates."""
    kept = "".join(_kept(character) for character in unicodedata.normalize("NFC", text))
    return _without_piles(" ".join(kept.split()))


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction goes to the left, as the Unicode bidirectional algorithm (P2) asks."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind != "L" for kind in strong if kind in {"L", "R", "AL"}), False)


def breakable(text: str) -> str:
    """`text` with zero width spaces in words too long for any line."""
    return " ".join(word if len(word) <= LONGEST_WORD else _with_breaks(word) for word in text.split(" "))


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    if category == "Cf":
        return character if character in _JOINERS or ord(character) in _TAGS else ""
    return "" if category == "Cs" else character


def _without_piles(text: str) -> str:
    pieces = []
    for is_mark, run in groupby(text, key=lambda character: unicodedata.category(character) in {"Mn", "Me"}):
        characters = "".join(run)
        pieces.append(characters[:_MARKS_KEPT] if is_mark else characters)
    return "".join(pieces)


def _with_breaks(word: str) -> str:
    pieces, since = [], 0
    for before, character in zip(" " + word, word, strict=False):
        joined = unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf", "Sk"} or before in _JOINERS
        if since >= LONGEST_WORD // 4 and not joined:
            pieces.append(ZERO_WIDTH_SPACE)
            since = 0
        pieces.append(character)
        since += 1
    return "".join(pieces)
