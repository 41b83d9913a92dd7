"""Rehearsals made by hand: answers of so many people, as fast or slow as a test says."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.checks.rehearsal.result import Rehearsal, StepResult, step_result
from orchestrator.checks.rehearsal.values import (
    Answer,
    Backend,
    Bounds,
    Extent,
    Over,
    Queue,
    SignIn,
    Step,
    Stopped,
)

BOUNDS = Bounds()
GPU_2 = Backend("model-x-1", "x", "gpu-2", "http://model-x-1:8000/metrics")


def answer(
    person: int = 1,
    *,
    first: float | None = 0.5,
    rate: float = 30,
    tokens: int = 64,
    model: str = "x",
    over: Over = "gateway",
    error: str | None = None,
) -> Answer:
    """`rate` in tokens per second after the first token."""
    seconds = (first or 0) + (tokens - 1) / rate
    return Answer(f"_rehearse-{person:03}", model, over, first, seconds, 100, tokens, error)


def step(
    people: int, answers: Sequence[Answer] = (), *, stopped: Stopped | None = None, queue: Queue | None = None
) -> StepResult:
    """Without answers of its own: everybody is served."""
    given = tuple(answers) or tuple(answer(person) for person in range(people))
    return step_result(Step(people, 0, 10, given, stopped), BOUNDS, (queue,) if queue else ())


def late(people: int, *, queue: Queue | None = None, over: Over = "gateway") -> StepResult:
    """Everybody waits too long for the first token."""
    return step(people, [answer(person, first=3.5, over=over) for person in range(people)], queue=queue)


def growing(waiting: float, *, cache: float | None = None) -> Queue:
    return Queue(GPU_2, waiting_max=waiting, waiting_mean=waiting / 2, running_max=16, cache_max=cache)


def rehearsal(
    *steps: StepResult,
    people: int = 30,
    stopped: Stopped | None = None,
    sign_ins: tuple[SignIn, ...] = (),
    engine: str = "vllm",
    practice: bool = False,
    lag: float = 0.001,
    title: str = "LLMs on premise",
    notes: tuple[str, ...] = (),
) -> Rehearsal:
    return Rehearsal(
        workshop="llm-on-prem",
        title=title,
        at="2026-11-21T09:12:33+00:00",
        practice=practice,
        bounds=BOUNDS,
        extent=Extent(people=people, seconds=600, tokens=128, budget=180_000),
        models=("x",),
        engines={"x": engine},
        over={"gateway": people - people // 2, "webui": people // 2},
        steps=steps,
        sign_ins=sign_ins,
        stopped=stopped,
        lag=lag,
        prompt_tokens=1000,
        completion_tokens=2000,
        seconds=95.2,
        notes=notes,
    )
