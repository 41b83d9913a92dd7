"""How many people ask next: doubled until it is too many, then the bound is closed in on."""

from __future__ import annotations

import pytest

from orchestrator.checks.rehearsal.ramp import Held, capacity, next_people


def ramp(people: int, bound: int) -> list[int]:
    """The numbers that are tried where so many people can be served."""
    done: list[Held] = []
    while (number := next_people(done, people)) is not None:
        assert len(done) < 30, "it does not end"
        done.append(Held(number, number <= bound))
    return [step.people for step in done]


def test_it_doubles_up_to_the_whole_class() -> None:
    assert ramp(30, 30) == [1, 2, 4, 8, 16, 30]
    assert ramp(8, 8) == [1, 2, 4, 8]
    assert ramp(1, 1) == [1]


def test_it_closes_in_on_the_bound_from_both_sides() -> None:
    assert ramp(30, 13) == [1, 2, 4, 8, 16, 12, 14, 13]
    assert ramp(4, 3) == [1, 2, 4, 3]


def test_it_ends_where_not_even_one_person_is_served() -> None:
    assert ramp(30, 0) == [1]


@pytest.mark.parametrize("people", [1, 2, 3, 7, 30, 100, 500])
def test_the_bound_is_found_to_a_tenth_in_few_steps_and_nobody_is_asked_twice(people: int) -> None:
    for bound in range(people + 1):
        tried = ramp(people, bound)
        found = capacity([Held(number, number <= bound) for number in tried])
        assert len(set(tried)) == len(tried) <= 14
        assert max(tried) <= people
        assert found <= bound <= found + max(0, 0.1 * (bound + 1) + 1)
        if bound == people:
            assert found == people


def test_a_larger_number_that_was_lucky_does_not_count() -> None:
    assert capacity([Held(8, held=True), Held(12, held=False), Held(16, held=True)]) == 8
    assert capacity([]) == 0
