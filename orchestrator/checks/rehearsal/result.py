"""A rehearsal that is over: what was asked of whom, and the figures of each step. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.checks.rehearsal.figures import Figures, Spread, figures, held, people_served, spread
from orchestrator.checks.rehearsal.ramp import Held, capacity
from orchestrator.checks.rehearsal.values import (
    Answer,
    Bounds,
    Extent,
    Over,
    Queue,
    SignIn,
    Step,
    Stopped,
)

Part = TypeVar("Part", bound=str)


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step in figures. `served`: people all of whose answers were good; `tokens_per_second`: of all together."""

    people: int
    held: bool
    stopped: Stopped | None
    seconds: float
    served: int
    figures: Figures
    tokens_per_second: float
    models: dict[str, Figures]
    over: dict[Over, Figures]
    queues: tuple[Queue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """`at` is ISO 8601 in UTC; `lag` says how late the rehearsing program itself was (s, 95th percentile)."""

    workshop: str
    title: str
    at: str
    practice: bool
    bounds: Bounds
    extent: Extent
    models: tuple[str, ...]
    engines: dict[str, str]  # model -> the engine that the spec names
    over: dict[Over, int]  # how many of the people
    steps: tuple[StepResult, ...]
    sign_ins: tuple[SignIn, ...]
    stopped: Stopped | None
    lag: float
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def people(self) -> int:
        return self.extent.people

    @property
    def capacity(self) -> int:
        """So many at once are served."""
        return capacity([_held(step) for step in self.steps])

    @property
    def ok(self) -> bool:
        """The whole class is served, and everybody could sign in."""
        return self.capacity == self.people and not self.refused_sign_ins

    @property
    def refused_sign_ins(self) -> tuple[SignIn, ...]:
        return tuple(one for one in self.sign_ins if one.error)

    @property
    def sign_in(self) -> Spread | None:
        """Of those who got in."""
        return spread(one.seconds for one in self.sign_ins if not one.error)

    @property
    def best(self) -> StepResult | None:
        """The step that gives the capacity."""
        return next((step for step in reversed(self.steps) if step.held and step.people == self.capacity), None)

    @property
    def first_bad(self) -> StepResult | None:
        """The smallest number of people that was not served; not one that only time or tokens ended."""
        bad = [step for step in self.steps if not step.held and step.stopped not in {"time", "tokens"}]
        return min(bad, key=lambda step: step.people, default=None)


def step_result(step: Step, bounds: Bounds, queues: tuple[Queue, ...]) -> StepResult:
    tokens = sum(answer.tokens for answer in step.answers)
    return StepResult(
        people=step.people,
        held=held(step, bounds).held,
        stopped=step.stopped,
        seconds=step.seconds,
        served=people_served(step, bounds),
        figures=figures(step.answers, bounds),
        tokens_per_second=tokens / step.seconds if step.seconds else 0.0,
        models=_by(step.answers, lambda answer: answer.model, bounds),
        over=_by(step.answers, lambda answer: answer.over, bounds),
        queues=queues,
    )


def _by(answers: Sequence[Answer], part: Callable[[Answer], Part], bounds: Bounds) -> dict[Part, Figures]:
    parts = sorted({part(answer) for answer in answers})
    return {one: figures([answer for answer in answers if part(answer) == one], bounds) for one in parts}


def _held(step: StepResult) -> Held:
    return Held(step.people, step.held)
