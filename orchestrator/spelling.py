"""What somebody probably meant who wrote a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

ALIKE = 0.5  # from 0 to 1, as difflib counts: less is no slip but another name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of these that is spelt most like it; None where none is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=ALIKE)
    return near[0] if near else None


def did_you_mean(*names: str | None) -> str | None:
    """The hint that offers them, once each; None where there is none to offer."""
    offered = dict.fromkeys(repr(name) for name in names if name)
    return f"Did you mean {', '.join(offered)}?" if offered else None
