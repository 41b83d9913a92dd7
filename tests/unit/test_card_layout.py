"""How many cards go on a sheet."""

import pytest

from orchestrator.errors import UserError
from orchestrator.handouts.layout import MARGIN, SMALLEST_HEIGHT, SMALLEST_WIDTH, sheet
from orchestrator.handouts.values import Paper


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("per_page", [1, 2, 4, 6, 8, 10, 12])
def test_the_usual_numbers_fit_on_both_papers(paper: Paper, per_page: int) -> None:
    grid = sheet(paper, per_page)

    assert grid.columns * grid.rows == per_page
    assert grid.card_width >= SMALLEST_WIDTH
    assert grid.card_height >= SMALLEST_HEIGHT
    assert grid.columns * grid.card_width + 2 * MARGIN == pytest.approx(grid.width)
    assert grid.rows * grid.card_height + 2 * MARGIN == pytest.approx(grid.height)


def test_eight_to_a_page_are_two_columns_of_four() -> None:
    assert (sheet("a4", 8).columns, sheet("a4", 8).rows) == (2, 4)


@pytest.mark.parametrize("per_page", [-1, 0, 7, 9, 14, 100])
def test_a_number_that_leaves_no_room_is_refused_with_those_that_do(per_page: int) -> None:
    with pytest.raises(UserError) as refused:
        sheet("a4", per_page)

    assert refused.value.code == "cards_per_page"
    assert refused.value.hint == "Set handouts.per_page to one of 1, 2, 3, 4, 5, 6, 8, 10, 12"
