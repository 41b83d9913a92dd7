"""From answers to figures: who was in time, quantiles that were seen, errors by reason."""

from __future__ import annotations

import pytest

from orchestrator.checks.rehearsal.figures import Spread, figures, held, people_served, spread
from orchestrator.checks.rehearsal.values import Bounds, Step
from tests.unit.rehearsal_samples import BOUNDS, answer


def test_an_answer_is_good_when_it_is_whole_and_within_both_bounds() -> None:
    found = figures(
        [
            answer(),
            answer(first=2.0, rate=15.000001),
            answer(first=2.1),
            answer(rate=14),
            answer(first=None, error="502 bad_gateway", tokens=0),
            answer(error="broke off: no [DONE] at its end"),
        ],
        BOUNDS,
    )
    assert (found.answers, found.good, found.late, found.slow, found.failed) == (6, 2, 1, 1, 2)


def test_one_that_is_late_and_slow_counts_once() -> None:
    found = figures([answer(first=5, rate=1)], BOUNDS)
    assert (found.late, found.slow, found.good) == (1, 0, 0)


def test_refusals_by_a_limit_are_told_apart() -> None:
    limited = answer(first=None, error="429 rate_limit_exceeded", tokens=0)
    found = figures([answer(), limited, limited, answer(first=None, error="502 bad_gateway", tokens=0)], BOUNDS)
    assert found.limited == 2
    assert list(found.errors.items()) == [("429 rate_limit_exceeded", 2), ("502 bad_gateway", 1)]


@pytest.mark.parametrize(("tokens", "rate"), [(7, 1.0), (500, 100_000.0)])
def test_what_is_too_short_to_tell_has_no_rate_and_is_not_slow(tokens: int, rate: float) -> None:
    found = figures([answer(tokens=tokens, rate=rate)], BOUNDS)
    assert found.rate is None
    assert found.good == 1


def test_quantiles_are_values_that_were_seen() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert spread(hundred) == Spread(50, 95, 99)
    assert spread(hundred, least=True) == Spread(51, 6, 2)
    assert spread([3.0]) == Spread(3, 3, 3)
    assert spread([]) is None


def test_the_rate_of_95_per_cent_is_the_one_that_they_reached() -> None:
    slow_one = [answer(rate=40) for _ in range(19)] + [answer(rate=5)]
    found = figures(slow_one, BOUNDS).rate
    assert found is not None
    assert (round(found.p50), round(found.p95), round(found.p99)) == (40, 40, 5)


def test_a_step_holds_when_enough_answers_were_in_time_and_everybody_asked_everything() -> None:
    answers = (*(answer(number) for number in range(19)), answer(20, first=3))
    assert held(Step(20, 0, 1, answers), BOUNDS).held
    assert not held(Step(20, 0, 1, answers), Bounds(share=0.96)).held
    assert not held(Step(20, 0, 1, answers, stopped="time"), BOUNDS).held
    assert not held(Step(20, 0, 1, ()), BOUNDS).held


def test_a_person_is_served_when_all_their_answers_were_good() -> None:
    answers = (answer(1), answer(1), answer(2), answer(2, first=9), answer(3, error="x"))
    assert people_served(Step(3, 0, 1, answers), BOUNDS) == 1
