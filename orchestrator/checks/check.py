"""One question of `verify`: what was asked, what had to come, what came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table. The texts are for people; none holds a secret."""

    name: str
    target: str
    expected: str
    got: str
    ok: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """An item of `checks` in `--output json`."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came."""

    ok: bool
    got: str


@dataclass(frozen=True, slots=True)
class Question:
    """A check that is yet to be asked."""

    name: str
    target: str
    expected: str
    ask: Callable[[], Outcome]


Lane = tuple[Question, ...]  # asked one after the other; lanes are asked side by side
