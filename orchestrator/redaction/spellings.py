"""In which spellings a secret may stand in a log, a URL, JSON or a header. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

PREFIX = "ws-"  # of participants' keys
KEY_BODY = 26  # characters of a key after that, its hyphens aside
LONG_LINE = 11  # characters from which one line of several is a secret of its own
LONG_ENOUGH = 8  # characters of what is left of a secret inside other base64

# The gateway takes a key however it is typed: see identity/keys.py, `normalise`.
_CONFUSABLE = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


def folded(text: str) -> str:
    """In small letters, each character in its place."""
    return text.replace("İ", "i").lower()  # the one letter that becomes two


def normalised(key: str) -> str | None:
    """A participant's key in the spelling that it is compared by; None: this is none."""
    text = folded(key.strip())
    body = text.removeprefix(PREFIX).translate(_CONFUSABLE)
    return PREFIX + body if text.startswith(PREFIX) and len(body) == KEY_BODY and body.isalnum() else None


def spellings(secret: str) -> set[str]:
    """Of one of several lines, those of each; capitals and small letters are not told apart."""
    whole = secret.strip()
    found = {whole, *(line for line in map(str.strip, whole.splitlines()) if len(line) >= LONG_LINE)}
    found |= {PREFIX + one[len(PREFIX) :].replace("-", "") for one in found if normalised(one)}
    for one in set(found):
        found |= {quote(one, safe=""), json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1]}
        found |= set(_in_base64(one.encode()))
    return {folded(one) for one in found if one}


def _in_base64(data: bytes) -> Iterator[str]:
    """Alone, and inside something longer, where it may begin at each of three places."""
    alone = base64.b64encode(data).decode()
    yield from (alone, _for_urls(alone))
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        end = None if (before + len(data)) % 3 == 0 else -1  # the last one depends on what follows
        inside = text[(0, 2, 3)[before] : end]
        if len(inside) >= LONG_ENOUGH:
            yield from (inside, _for_urls(inside))


def _for_urls(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")
