"""Plays the class: everybody signs in, then more and more people ask at once, until it is too many or everybody has."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp

from orchestrator.checks.rehearsal import conversation
from orchestrator.checks.rehearsal.budget import Budget
from orchestrator.checks.rehearsal.figures import held
from orchestrator.checks.rehearsal.ramp import Held, next_people
from orchestrator.checks.rehearsal.stream import Stream
from orchestrator.checks.rehearsal.values import Answer, Guest, Over, Played, Step, Stopped
from orchestrator.checks.rehearsal.voices import Stage, Voices
from orchestrator.errors import UserError

BROKEN = 0.2  # share of failed answers at which a step is given up
ENOUGH = 20  # answers that are waited for, at most, before that is judged
BREATHE = 0.25  # of the time to recover, after a step that was not too much
TICK = 0.05  # s between looks at this program's own delay


@dataclass(slots=True)
class _Scene:
    """One step under way."""

    number: int
    people: int
    answers: list[Answer] = field(default_factory=list)
    broken: asyncio.Event = field(default_factory=asyncio.Event)  # too many errors
    poor: bool = False  # somebody could not ask: the tokens are spent

    def note(self, answer: Answer, turns: int) -> None:
        self.answers.append(answer)
        failed = sum(answer.error is not None for answer in self.answers)
        enough = len(self.answers) >= min(ENOUGH, max(turns, self.people))
        if enough and failed > BROKEN * len(self.answers):
            self.broken.set()


class Play:
    """One rehearsal. `began` is a moment of time.monotonic; nothing goes on after the extent's seconds from there.

    `begins` is told how many people are about to ask, `ended` gets each step: both are called from the loop's thread.
    """

    def __init__(
        self, stage: Stage, began: float, begins: Callable[[int], None], ended: Callable[[Step], None]
    ) -> None:
        self.budget = Budget(stage.extent.budget)
        self._stage, self._began, self._begins, self._ended = stage, began, begins, ended
        self._lags: list[float] = []

    async def run(self) -> Played:
        """Raises UserError `model_silent`, `no_chat`."""
        connector = aiohttp.TCPConnector(limit=0, ssl=self._stage.tls)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            watch = asyncio.create_task(self._watch_own_delay())
            try:
                return await self._play(Voices(session, self._stage, self.budget))
            finally:
                watch.cancel()

    async def _play(self, voices: Voices) -> Played:
        sign_ins = await voices.sign_in(max(1.0, self._left))
        silent = await voices.warm_up(max(1.0, self._left))
        guests = [guest for guest in self._stage.guests if guest.model not in silent]
        if not guests:
            raise UserError("no_chat", "none of these models chats", hint="Name another one: --model NAME")
        steps: list[Step] = []
        done: list[Held] = []
        spent: Stopped | None = None
        while spent is None and (people := next_people(done, len(guests))) is not None:
            self._begins(people)
            steps.append(step := await self._step(voices, guests[:people], len(steps)))
            self._ended(step)
            done.append(held(step, self._stage.bounds))
            spent = step.stopped if step.stopped in {"time", "tokens"} else None
            pause = self._stage.extent.recover * (BREATHE if done[-1].held else 1)
            await asyncio.sleep(min(pause, max(0.0, self._left)))
        return Played(steps=tuple(steps), sign_ins=sign_ins, stopped=spent, silent=silent, lag=_late(self._lags))

    @property
    def _left(self) -> float:
        return self._began + self._stage.extent.seconds - time.monotonic()

    async def _step(self, voices: Voices, guests: Sequence[Guest], number: int) -> Step:
        began, scene = time.monotonic(), _Scene(number, len(guests))
        everybody = asyncio.gather(*(self._person(voices, guest, index, scene) for index, guest in enumerate(guests)))
        broken = asyncio.create_task(scene.broken.wait())
        try:
            both: set[asyncio.Future[Any]] = {everybody, broken}
            await asyncio.wait(both, timeout=max(0.0, self._left), return_when=asyncio.FIRST_COMPLETED)
            seconds, stopped = time.monotonic() - began, _stopped(scene, finished=everybody.done())
        finally:
            everybody.cancel()
            broken.cancel()
            ended = await asyncio.gather(everybody, broken, return_exceptions=True)
        for problem in ended:
            if isinstance(problem, Exception):
                raise problem
        return Step(len(guests), began - self._began, seconds, tuple(scene.answers), stopped)

    async def _person(self, voices: Voices, guest: Guest, index: int, scene: _Scene) -> None:
        """A few questions with pauses; each goes on from the answer before."""
        extent = self._stage.extent
        pause = Random(f"{guest.id} {scene.number}")  # noqa: S311 - the same rehearsal pauses the same
        messages = conversation.opening(index, scene.number, extent.prompt)
        await asyncio.sleep(extent.arrive * index / scene.people)
        for turn in range(extent.turns):
            if turn:
                await asyncio.sleep(extent.think * pause.uniform(0.5, 1.5))
            stream = await voices.ask(guest, messages)
            if stream is None:
                scene.poor = True
                return
            scene.note(_answer(guest, voices.over(guest), stream), extent.turns)
            messages = conversation.going_on(messages, stream.text, index, scene.number)

    async def _watch_own_delay(self) -> None:
        """How late this program wakes up: with it, every figure is worse than what a real class would see."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self._lags.append(time.monotonic() - before - TICK)


def _answer(guest: Guest, over: Over, stream: Stream) -> Answer:
    return Answer(
        person=guest.id,
        model=guest.model,
        over=over,
        first=stream.first,
        seconds=stream.seconds,
        prompt_tokens=stream.prompt_tokens or 0,
        tokens=stream.tokens,
        error=stream.error,
    )


def _stopped(scene: _Scene, *, finished: bool) -> Stopped | None:
    if scene.broken.is_set():
        return "errors"
    if not finished:
        return "time"
    return "tokens" if scene.poor else None


def _late(lags: Sequence[float]) -> float:
    return sorted(lags)[math.ceil(0.95 * len(lags)) - 1] if lags else 0.0
