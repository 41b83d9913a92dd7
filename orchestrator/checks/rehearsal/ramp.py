"""How many people ask next: twice as many until it is too many, then the bound is closed in on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CLOSE = 0.1  # of the smallest number that was too many: the bound is not told more exactly than that


@dataclass(frozen=True, slots=True)
class Held:
    """Whether so many people were served."""

    people: int
    held: bool


def next_people(done: Sequence[Held], people: int) -> int | None:
    """None: the bound is known, or everybody was served."""
    good = capacity(done)
    bad = min((step.people for step in done if not step.held), default=None)
    if bad is None:
        return None if good == people else min(max(1, 2 * good), people)
    if bad - good <= max(1, round(bad * CLOSE)):
        return None
    return (good + bad) // 2


def capacity(done: Sequence[Held]) -> int:
    """The largest number that was served below any that was not."""
    bad = min((step.people for step in done if not step.held), default=None)
    return max((step.people for step in done if step.held and (bad is None or step.people < bad)), default=0)
