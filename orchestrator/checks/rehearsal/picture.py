"""The rehearsal as one picture (SVG): waiting for the first token, and tokens per second, over people at once. Pure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.checks.rehearsal.figures import Spread
from orchestrator.checks.rehearsal.result import Rehearsal, StepResult
from orchestrator.checks.rehearsal.verdict import verdict
from orchestrator.handouts.lettering import printable
from orchestrator.templating import markup

WIDTH, LEFT, RIGHT = 860, 76, 820
LINE = 106  # characters of the verdict in one line
ROOM = 1.2  # above the highest point
CUT = 4  # times the bound: higher points are drawn at the top, with their value
APART = 34  # between two values that are written out
HEIGHTS = (190, 150, 110)  # of the three charts
BETWEEN = 74
LETTER = 6.4  # width of a letter of the legend, about
STEPS_OF_AN_AXIS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    label: str
    cut: bool = False  # the value is beyond the axis
    shown: bool = False  # the label

    @property
    def anchor(self) -> str:
        return "end" if self.x > RIGHT - 12 else "middle"


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    kind: str  # the class that styles it
    dots: tuple[Dot, ...]
    below: bool = False  # where its values stand
    legend: float = 0  # where its name begins

    @property
    def points(self) -> str:
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: its place in the picture, its axis and its lines."""

    title: str
    top: float
    bottom: float
    ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    bound: float | None = None  # where the line of the bound runs
    bound_label: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """From a value to a place."""

    low: float  # place of zero
    high: float  # place of `most`
    most: float

    def at(self, value: float) -> float:
        return self.low + (self.high - self.low) * min(value, self.most) / self.most


def picture(done: Rehearsal, templates: Path) -> str:
    words = textwrap.wrap(printable(verdict(done).text), LINE)
    steps = sorted((step for step in done.steps if step.figures.answers), key=lambda step: step.people)
    across = Axis(LEFT, RIGHT, max(done.people, 2))
    top = 124 + 20 * len(words)
    tops = [top + sum(HEIGHTS[:number]) + BETWEEN * number for number in range(len(HEIGHTS))]
    charts = (_waiting, _one_answer, _together)
    panels = tuple(
        chart(steps, done, across, place, place + height)
        for chart, place, height in zip(charts, tops, HEIGHTS, strict=True)
    )
    return (
        markup(templates)
        .get_template("rehearsal.svg.j2")
        .render(
            title=printable(done.title),
            subtitle=_subtitle(done),
            words=words,
            ok=done.ok,
            width=WIDTH,
            height=panels[-1].bottom + 58,
            left=LEFT,
            right=RIGHT,
            panels=panels,
            people=[Tick(across.at(step.people), str(step.people)) for step in _spaced(steps, across)],
            served=across.at(done.capacity) if 0 < done.capacity < done.people else None,
            nobody=done.capacity == 0,
        )
    )


def _subtitle(done: Rehearsal) -> str:
    ways = [f"{done.over.get('gateway', 0)} over the API"]
    if done.over.get("webui"):
        ways.append(f"{done.over['webui']} over Open WebUI")
    models = ", ".join(printable(model) for model in done.models)
    practice = " (practice)" if done.practice else ""
    text = f"{printable(done.workshop)}{practice}, {done.at[:16].replace('T', ' ')} UTC: {' and '.join(ways)}; {models}"
    return textwrap.shorten(text, 130, placeholder=" ...")


def _waiting(steps: Sequence[StepResult], done: Rehearsal, across: Axis, top: float, bottom: float) -> Panel:
    bound = done.bounds.first_token
    found = [step.figures.first_token for step in steps if step.figures.first_token]
    axis = Axis(bottom, top, min(max([bound, *(one.p95 for one in found)]), CUT * bound) * ROOM)
    lines = (
        _line(
            "95 % of the answers within", "most", steps, across, axis, lambda step: _of(step.figures.first_token, "p95")
        ),
        _line("half of them within", "half", steps, across, axis, lambda step: _of(step.figures.first_token, "p50")),
    )
    return _panel("Seconds until the first token", top, axis, lines, bound, f"bound: {bound:g} s")


def _one_answer(steps: Sequence[StepResult], done: Rehearsal, across: Axis, top: float, bottom: float) -> Panel:
    bound = done.bounds.tokens_per_second
    found = [step.figures.rate for step in steps if step.figures.rate]
    axis = Axis(bottom, top, max([bound, *(one.p50 for one in found)]) * ROOM)
    lines = (
        _line("95 % of the answers at least", "most", steps, across, axis, lambda step: _of(step.figures.rate, "p95")),
        _line("half of them at least", "half", steps, across, axis, lambda step: _of(step.figures.rate, "p50")),
    )
    lines = (replace(lines[0], below=True), lines[1])
    return _panel("Tokens per second of one answer", top, axis, lines, bound, f"bound: {bound:g} tokens/s")


def _together(steps: Sequence[StepResult], _done: Rehearsal, across: Axis, top: float, bottom: float) -> Panel:
    axis = Axis(bottom, top, max((step.tokens_per_second for step in steps), default=1) * ROOM or 1)
    lines = (_line("all answers", "all", steps, across, axis, lambda step: step.tokens_per_second),)
    return _panel("Tokens per second of all together", top, axis, lines)


def _of(found: Spread | None, quantile: str) -> float | None:
    return getattr(found, quantile) if found else None


def _panel(
    title: str, top: float, axis: Axis, lines: tuple[Line, ...], bound: float | None = None, label: str = ""
) -> Panel:
    return Panel(
        title,
        top,
        axis.low,
        _ticks(axis),
        tuple(_with_legends(lines)),
        None if bound is None else axis.at(bound),
        label,
    )


def _with_legends(lines: Sequence[Line]) -> Iterator[Line]:
    """Names side by side, the last one ending at the right."""
    at = float(RIGHT)
    placed = []
    for line in reversed(lines):
        at -= 24 + LETTER * len(line.name)
        placed.append(replace(line, legend=at))
        at -= 18
    yield from reversed(placed)


def _line(
    name: str,
    kind: str,
    steps: Sequence[StepResult],
    across: Axis,
    axis: Axis,
    value: Callable[[StepResult], float | None],
) -> Line:
    """From the right, a value is written out where there is room."""
    dots: list[Dot] = []
    room = math.inf
    for step in reversed(steps):
        found = value(step)
        if found is None:
            continue
        x = across.at(step.people)
        shown = kind != "half" and room - x >= APART
        room = x if shown else room
        dots.append(Dot(x, axis.at(found), _figure(found), cut=found > axis.most, shown=shown))
    return Line(name, kind, tuple(reversed(dots)))


def _figure(value: float) -> str:
    """Two digits that matter, all before the point."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - from there two stand before the point


def _ticks(axis: Axis) -> tuple[Tick, ...]:
    raw = axis.most / 4
    power = 10 ** math.floor(math.log10(raw))
    step = next(one * power for one in STEPS_OF_AN_AXIS if one * power >= raw * 0.8)
    return tuple(
        Tick(axis.at(number * step), f"{number * step:g}") for number in range(int(axis.most / step + 1e-9) + 1)
    )


def _spaced(steps: Sequence[StepResult], across: Axis) -> list[StepResult]:
    """Those whose numbers have room below the axis; the last one always."""
    shown: list[StepResult] = []
    for step in reversed(steps):
        if not shown or across.at(shown[-1].people) - across.at(step.people) >= 22:  # noqa: PLR2004
            shown.append(step)
    return shown[::-1]
