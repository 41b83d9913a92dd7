"""From answers to figures: how many came in time, quantiles, errors by reason. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.checks.rehearsal.ramp import Held
from orchestrator.checks.rehearsal.values import Answer, Bounds, Step

LIMITED = "429"


@dataclass(frozen=True, slots=True)
class Spread:
    """Observed values that 50, 95 and 99 % of the answers kept to: at most for times, at least for rates."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Of answers. An answer is good when it is whole and within both bounds."""

    answers: int
    good: int
    late: int  # whole, but the first token came late
    slow: int  # whole and begun in time, but too few tokens per second
    limited: int  # refused by the limits of the class: 429
    errors: dict[str, int]  # by reason, the most frequent first
    first_token: Spread | None
    rate: Spread | None  # tokens per second of one answer

    @property
    def share(self) -> float:
        """Of the answers that are good."""
        return self.good / self.answers if self.answers else 0.0

    @property
    def failed(self) -> int:
        return sum(self.errors.values())


def figures(answers: Sequence[Answer], bounds: Bounds) -> Figures:
    whole = [answer for answer in answers if answer.error is None]
    late = [answer for answer in whole if not _began(answer, bounds)]
    slow = [answer for answer in whole if _began(answer, bounds) and not _fast(answer, bounds)]
    errors = Counter(answer.error for answer in answers if answer.error)
    return Figures(
        answers=len(answers),
        good=len(whole) - len(late) - len(slow),
        late=len(late),
        slow=len(slow),
        limited=sum(count for reason, count in errors.items() if reason.startswith(LIMITED)),
        errors=dict(errors.most_common()),
        first_token=spread(answer.first for answer in answers if answer.first is not None),
        rate=spread((answer.rate for answer in whole if answer.rate is not None), least=True),
    )


def good(answer: Answer, bounds: Bounds) -> bool:
    """Whole and within both bounds."""
    return answer.error is None and _began(answer, bounds) and _fast(answer, bounds)


def people_served(step: Step, bounds: Bounds) -> int:
    """Those all of whose answers were good."""
    everybody = {answer.person for answer in step.answers}
    return len(everybody - {answer.person for answer in step.answers if not good(answer, bounds)})


def held(step: Step, bounds: Bounds) -> Held:
    """Whether the step's people were served: everybody asked everything, and enough of it came in time."""
    return Held(step.people, step.stopped is None and figures(step.answers, bounds).share >= bounds.share)


def spread(values: Iterable[float], *, least: bool = False) -> Spread | None:
    """By nearest rank, so that each is a value that was seen; None without any. `least`: what was reached, not kept."""
    ordered = sorted(values, reverse=least)
    if not ordered:
        return None
    return Spread(*(ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.50, 0.95, 0.99)))


def _began(answer: Answer, bounds: Bounds) -> bool:
    return answer.first is not None and answer.first <= bounds.first_token


def _fast(answer: Answer, bounds: Bounds) -> bool:
    return answer.rate is None or answer.rate >= bounds.tokens_per_second
