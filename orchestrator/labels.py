"""Names as short labels of lower-case letters, digits and hyphens: for containers, accounts and groups. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


def slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens: at most 40."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def distinct(names: Iterable[str], shorten: Callable[[str], str]) -> dict[str, str]:
    """Each name with its short form; where two come out alike, the later ones are numbered."""
    found: dict[str, str] = {}
    for name in names:
        first = short = shorten(name)
        number = 2
        while short in found.values():
            short, number = f"{first}-v{number}", number + 1
        found[name] = short
    return found
