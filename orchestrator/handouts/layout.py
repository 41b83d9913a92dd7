"""How many cards go on a sheet, and how large each is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import UserError
from orchestrator.handouts.values import Paper

MARGIN = 8.0  # mm: what office printers leave white anyway
SMALLEST_WIDTH = 80.0  # mm: below it the key can't stand in one readable line
SMALLEST_HEIGHT = 43.0  # mm: below it the sign-in does not fit under the key
BEST_PROPORTION = 1.4  # width to height
SHEETS: dict[Paper, tuple[float, float]] = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}  # mm


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of cards; all lengths in mm."""

    width: float
    height: float
    columns: int
    rows: int

    @property
    def card_width(self) -> float:
        return (self.width - 2 * MARGIN) / self.columns

    @property
    def card_height(self) -> float:
        return (self.height - 2 * MARGIN) / self.rows


def sheet(paper: Paper, per_page: int) -> Sheet:
    """The grid for `per_page` cards.

    Raises:
        UserError: `cards_per_page`, when no grid of so many leaves room for a key and a sign-in.

    """
    found = _best(paper, per_page)
    if found is None:
        possible = ", ".join(str(number) for number in range(1, 21) if _best(paper, number))
        raise UserError(
            "cards_per_page",
            f"{per_page} cards don't fit on a sheet of {paper} in equal rows, at least "
            f"{SMALLEST_WIDTH:.0f} x {SMALLEST_HEIGHT:.0f} mm each",
            hint=f"Set handouts.per_page to one of {possible}",
        )
    return found


def _best(paper: Paper, per_page: int) -> Sheet | None:
    width, height = SHEETS[paper]
    grids = [
        Sheet(width, height, columns, per_page // columns)
        for columns in range(1, per_page + 1)
        if per_page % columns == 0
    ]
    fitting = [grid for grid in grids if grid.card_width >= SMALLEST_WIDTH and grid.card_height >= SMALLEST_HEIGHT]
    return min(fitting, key=lambda grid: abs(grid.card_width / grid.card_height - BEST_PROPORTION), default=None)
