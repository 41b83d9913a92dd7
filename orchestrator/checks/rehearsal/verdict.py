"""The answer in people, what limits it, and what to do about it: in words, for five minutes before class. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.checks.rehearsal.figures import Figures
from orchestrator.checks.rehearsal.result import Rehearsal, StepResult
from orchestrator.checks.rehearsal.values import Bounds, Queue
from orchestrator.engines.registry import engine_named
from orchestrator.spec.workshop import THIS_MACHINE

MOST = 0.5  # of the answers that were not good: what made so many of them is the reason
QUEUED = 0.5  # people who wait, on average over a step: fewer come and go
FULL = 0.9  # of an engine's memory for contexts
BUSY = 0.05  # s: this program was itself too late to measure well
STOPPED = {"time": "the time was over", "tokens": "the tokens were spent"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answer` is one sentence; `limit` says what gives way beyond it."""

    answer: str
    limit: str | None
    advice: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one paragraph."""
        parts = [self.answer, self.limit, *self.advice]
        return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


@dataclass(frozen=True, slots=True)
class _Cause:
    what: str
    advice: tuple[str, ...] = ()
    beyond: bool = True  # it begins where the capacity ends


def verdict(done: Rehearsal) -> Verdict:
    cause = _sign_ins(done) or _cause(done) or _unfinished(done)
    if cause is None:
        return Verdict(_answer(done), None, ())
    beyond = "beyond it " if cause.beyond and done.capacity else ""
    return Verdict(_answer(done), beyond + cause.what, cause.advice)


def within(bounds: Bounds) -> str:
    """The bounds in words."""
    return (
        f"the first token under {bounds.first_token:g} s and {bounds.tokens_per_second:g} tokens/s"
        f" for {_percent(bounds.share)} of the answers"
    )


def notes(done: Rehearsal) -> tuple[str, ...]:
    """What to know beside the figures."""
    found = list(done.notes)
    if done.practice:
        found.append(
            "Practice engines compute on this machine's CPU: the ways are those of the class, the figures are not."
        )
    if done.lag > BUSY:
        found.append(
            f"This machine was busy itself (late by {done.lag * 1000:.0f} ms): what a class sees is better than this. "
            "Rehearse from another machine for exact figures."
        )
    return tuple(found)


def _answer(done: Rehearsal) -> str:
    if done.capacity == done.people:
        everybody = f"All {done.people} at once" if done.people > 1 else "1 person"
        return f"{everybody} with {within(done.bounds)}"
    if done.capacity == 0 and done.first_bad is None:
        return "It ended before one person's answers could be judged"
    if done.capacity == 0:
        return f"Not even one person is served with {within(done.bounds)}"
    least = "At least " if done.first_bad is None else ""
    return f"{least}{done.capacity} of {done.people} at once with {within(done.bounds)}"


def _figures(found: Figures) -> str:
    """A step's figures in a few words."""
    said = []
    if found.first_token:
        said.append(f"first token after {found.first_token.p95:.1f} s")
    if found.rate:
        said.append(f"{found.rate.p95:.0f} tokens/s")
    if found.failed:
        said.append(f"{found.failed} of {found.answers} answers failed ({next(iter(found.errors))})")
    return ", ".join(said)


def _sign_ins(done: Rehearsal) -> _Cause | None:
    refused = done.refused_sign_ins
    if not refused:
        return None
    what = f"{len(refused)} of {len(done.sign_ins)} sign-ins at Open WebUI failed ({refused[0].error})"
    return _Cause(what, ("look at its log: workshop logs SPEC webui",), beyond=False)


def _unfinished(done: Rehearsal) -> _Cause | None:
    if done.capacity == done.people or done.stopped not in STOPPED:
        return None
    more = "--minutes" if done.stopped == "time" else "--budget"
    return _Cause(f"{STOPPED[done.stopped]} before more were tried", (f"allow more: {more}",), beyond=False)


def _cause(done: Rehearsal) -> _Cause | None:
    step = done.first_bad
    if step is None:
        return None
    return _limits(step) or _errors(step, done) or _page(step, done) or _queue(step, done) or _computing(step)


def _limits(step: StepResult) -> _Cause | None:
    found = step.figures
    if not found.limited or found.limited < MOST * (found.answers - found.good):
        return None
    what = f"the class's own limits refuse questions ({found.limited} of {found.answers} were answered 429)"
    return _Cause(what, ("raise limits.requests_per_minute, concurrent_requests or tokens_per_minute in the spec",))


def _errors(step: StepResult, done: Rehearsal) -> _Cause | None:
    found = step.figures
    if not found.failed or found.failed < MOST * (found.answers - found.good):
        return None
    reason, count = next(iter(found.errors.items()))
    if reason.startswith("no answer within") and (queue := _queue(step, done)):
        return queue
    what = f"answers fail ({count} of {found.answers}: {reason})"
    model = _worst(step)
    return _Cause(what, (f"look at the log: workshop logs SPEC {model}",))


def _page(step: StepResult, done: Rehearsal) -> _Cause | None:
    """The API would have done: it is the page that takes the time."""
    page, api = step.over.get("webui"), step.over.get("gateway")
    if page is None or api is None or api.share < done.bounds.share:
        return None
    what = (
        f"Open WebUI takes the time (in time: {_percent(page.share)} over the page, {_percent(api.share)} over the API)"
    )
    return _Cause(what, ("let a part of the class use the API, or give Open WebUI's machine more and faster cores",))


def _queue(step: StepResult, done: Rehearsal) -> _Cause | None:
    waiting = [queue for queue in step.queues if (queue.waiting_mean or 0) >= QUEUED]
    if not waiting:
        return None
    longest = max(waiting, key=lambda queue: queue.waiting_mean or 0)
    backend = longest.backend
    host = "this machine" if backend.host == THIS_MACHINE.name else backend.host
    what = f"the queue of {backend.name} on {host} grows (up to {longest.waiting_max:.0f} waiting)"
    return _Cause(what, _for_a_queue(longest, done))


def _for_a_queue(queue: Queue, done: Rehearsal) -> tuple[str, ...]:
    model = queue.backend.model
    if queue.cache_max is not None and queue.cache_max >= FULL:
        return (f"its memory for contexts is full: shorten the context of {model}, or add a replica",)
    engine = done.engines.get(model)
    if engine and engine_named(engine).batches:
        return (f"add a replica of {model} or shorten its context",)
    return (f"add a replica of {model}, or serve it by vLLM, which computes more requests at once",)


def _computing(step: StepResult) -> _Cause:
    """No queue, and still too slow."""
    model, found = _worst(step), step.models[_worst(step)]
    alone = f" ({_figures(found)})"
    if found.slow > found.late:
        what = f"{model} computes too slowly for so many{alone}"
        return _Cause(what, (f"add a replica of {model} on other GPUs, or take a smaller or quantised model",))
    what = f"the first tokens of {model} come late{alone}"
    return _Cause(what, (f"add a replica of {model}, or let people paste shorter texts",))


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _worst(step: StepResult) -> str:
    return min(step.models, key=lambda model: step.models[model].share)
