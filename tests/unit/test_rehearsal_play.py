"""A class is played against a server with so many places: its bound is found, and nothing goes beyond what was allowed."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from orchestrator.checks.rehearsal.background import Background
from orchestrator.checks.rehearsal.figures import figures, held
from orchestrator.checks.rehearsal.play import Play
from orchestrator.checks.rehearsal.ramp import capacity
from orchestrator.checks.rehearsal.result import step_result
from orchestrator.checks.rehearsal.values import Bounds, Extent, Guest, Played, Step
from orchestrator.checks.rehearsal.voices import Stage
from orchestrator.errors import UserError
from orchestrator.identity.accounts import Account

EXTENT = Extent(people=6, seconds=20, tokens=10, budget=100_000, think=0, turns=1, prompt=100, arrive=0, recover=0)
BOUNDS = Bounds(first_token=0.3, tokens_per_second=5)
USAGE = {"prompt_tokens": 20, "completion_tokens": 10}


@dataclass
class Server:
    """Gateway and page in one; `places` answers at a time, each of which takes `seconds`."""

    places: int = 100
    seconds: float = 0.1
    refuse: Callable[[dict[str, Any]], web.Response | None] = lambda _body: None
    breaks: bool = False  # in the middle of every answer
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # path, key, body
    at_once: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.free = asyncio.Semaphore(self.places)

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await request.json()
        if form["password"] != f"password of {form['email']}":
            return web.json_response({"detail": "The email or password provided is incorrect."}, status=400)
        return web.json_response({"token": f"token of {form['email']}"})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append((request.path, request.headers["Authorization"].removeprefix("Bearer "), body))
        if refused := self.refuse(body):
            return refused
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            async with self.free:
                return await self.answer(request)
        finally:
            self.at_once -= 1

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(10):
            await self.say(response, {"choices": [{"delta": {"content": f"word {number} "}}]})
            await asyncio.sleep(self.seconds / 10)
            if self.breaks and number == 5:
                return response
        await self.say(response, {"choices": [], "usage": USAGE})
        await response.write(b"data: [DONE]\n\n")
        return response

    @staticmethod
    async def say(response: web.StreamResponse, event: object) -> None:
        await response.write(f"data: {json.dumps(event)}\n\n".encode())


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_post("/api/chat/completions", server.chat)
    app.router.add_post("/api/v1/auths/signin", server.sign_in)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def guests(people: int, *, page: int = 0, model: str = "x") -> tuple[Guest, ...]:
    def account(number: int) -> Account | None:
        mail = f"_rehearse-{number:03}@w"
        return Account(str(number), mail, "Guest", SecretStr(f"password of {mail}")) if number < page else None

    return tuple(Guest(f"_rehearse-{n:03}", SecretStr(f"ws-{n}"), model, account(n)) for n in range(people))


@dataclass
class Heard:
    played: Played
    play: Play
    begun: list[int]
    seconds: float


def played(
    server: Callable[[], Server],
    extent: Extent = EXTENT,
    people: tuple[Guest, ...] | None = None,
    change: Callable[[Server], None] = lambda _server: None,
) -> tuple[Heard, Server]:
    async def run() -> tuple[Heard, Server]:
        it = server()
        async with serving(it) as url:
            comers = people if people is not None else guests(extent.people)
            stage = Stage(url, url, ssl.create_default_context(), comers, extent, BOUNDS)
            begun: list[int] = []
            began = time.monotonic()

            def begins(number: int) -> None:
                begun.append(number)
                change(it)

            play = Play(stage, began, begins, lambda _step: None)
            done = await play.run()
            return Heard(done, play, begun, time.monotonic() - began), it

    return asyncio.run(run())


Playing = Future[tuple[Heard, Server]]


@pytest.fixture(scope="module")
def slow() -> Iterator[dict[str, Playing]]:
    """Plays that mostly wait, all at the same time."""

    def stops(server: Server) -> None:
        server.seconds = 30

    def busy_at_four() -> Server:
        def refuse(_body: dict[str, Any]) -> web.Response | None:
            error = {"error": {"message": "no", "code": "bad_gateway"}}
            return web.json_response(error, status=502) if server.at_once >= 3 else None

        server = Server(seconds=0.4, refuse=refuse)
        return server

    with ThreadPoolExecutor() as pool:
        yield {
            "three places": pool.submit(played, lambda: Server(places=3, seconds=0.6)),
            "half a second": pool.submit(played, lambda: Server(seconds=0.5), replace(EXTENT, people=1)),
            "busy at four": pool.submit(played, busy_at_four, replace(EXTENT, people=40)),
            "stops": pool.submit(played, Server, replace(EXTENT, seconds=1.5), change=stops),
        }


def bound(steps: tuple[Step, ...]) -> int:
    return capacity([held(step, BOUNDS) for step in steps])


def test_a_class_that_is_served_is_asked_whole_and_all_at_once() -> None:
    heard, server = played(Server)
    assert heard.begun == [1, 2, 4, 6]
    assert bound(heard.played.steps) == 6
    assert server.most == 6
    assert heard.played.stopped is None
    last = figures(heard.played.steps[-1].answers, BOUNDS)
    assert (last.answers, last.good, last.errors) == (6, 6, {})


def test_the_bound_of_a_server_with_three_places_is_three(slow: dict[str, Playing]) -> None:
    heard, _ = slow["three places"].result()
    assert bound(heard.played.steps) == 3
    assert max(heard.begun) == 4
    late = next(step for step in heard.played.steps if step.people == 4)
    assert figures(late.answers, BOUNDS).late == 1
    assert step_result(late, BOUNDS, ()).served == 3


def test_times_and_tokens_are_those_of_the_stream(slow: dict[str, Playing]) -> None:
    heard, _ = slow["half a second"].result()
    answer = heard.played.steps[0].answers[0]
    assert answer.first is not None
    assert answer.first < 0.2
    assert answer.seconds == pytest.approx(0.5, abs=0.3)
    assert (answer.prompt_tokens, answer.tokens) == (20, 10)
    assert answer.rate == pytest.approx(20, rel=0.4)


def test_people_sign_in_and_ask_over_the_page_with_what_they_got() -> None:
    heard, server = played(Server, people=guests(6, page=3))
    assert sorted(one.person for one in heard.played.sign_ins) == [f"_rehearse-{n:03}" for n in range(3)]
    by_path = {path: {key for where, key, _ in server.asked if where == path} for path, _, _ in server.asked}
    assert by_path["/api/chat/completions"] == {f"token of _rehearse-{n:03}@w" for n in range(3)}
    assert by_path["/v1/chat/completions"] >= {f"ws-{n}" for n in range(3, 6)}
    assert {answer.over for answer in heard.played.steps[-1].answers} == {"webui", "gateway"}


def test_who_cannot_sign_in_is_told_and_asks_over_the_gateway() -> None:
    wrong = replace(guests(1, page=1)[0], account=Account("0", "a@w", "Guest", SecretStr("another")))
    heard, server = played(Server, replace(EXTENT, people=1), (wrong,))
    assert [one.error for one in heard.played.sign_ins] == ["400 The email or password provided is incorrect."]
    assert {path for path, _, _ in server.asked} == {"/v1/chat/completions"}


def test_a_step_in_which_much_fails_is_given_up_at_once(slow: dict[str, Playing]) -> None:
    heard, _ = slow["busy at four"].result()
    broken = next(step for step in heard.played.steps if step.stopped == "errors")
    assert set(figures(broken.answers, BOUNDS).errors) == {"502 bad_gateway"}
    assert max(heard.begun) <= 8
    assert bound(heard.played.steps) <= 4


def test_an_answer_that_breaks_off_is_an_error() -> None:
    def breaks(server: Server) -> None:
        server.breaks = True  # the first answer, before the steps, was whole

    heard, _ = played(Server, replace(EXTENT, people=1), change=breaks)
    assert [answer.error for answer in heard.played.steps[0].answers] == ["broke off: no [DONE] at its end"]


def test_it_ends_at_its_time_in_the_middle_of_an_answer(slow: dict[str, Playing]) -> None:
    heard, _ = slow["stops"].result()
    assert heard.seconds < 3
    assert heard.played.stopped == "time"
    assert bound(heard.played.steps) == 0


def test_it_never_asks_for_more_tokens_than_the_budget() -> None:
    heard, _ = played(Server, replace(EXTENT, budget=700))
    assert heard.played.stopped == "tokens"
    assert heard.play.budget.spent <= 700
    assert heard.play.budget.held_back == 0


def test_a_model_that_only_embeds_is_left_out() -> None:
    def only_x(body: dict[str, Any]) -> web.Response | None:
        error = {"error": {"message": "The model does not support Chat Completions API"}}
        return web.json_response(error, status=400) if body["model"] == "embed" else None

    mixed = (*guests(2), *(replace(guest, model="embed") for guest in guests(2)))
    heard, _ = played(lambda: Server(refuse=only_x), people=mixed)
    assert heard.played.silent == ("embed",)
    assert {answer.model for step in heard.played.steps for answer in step.answers} == {"x"}


def test_a_model_that_does_not_answer_one_person_ends_it_with_its_words() -> None:
    down = {"error": {"message": "no backend", "code": "backend_down"}}
    with pytest.raises(UserError, match="x does not answer one person: 503 backend_down"):
        played(lambda: Server(refuse=lambda _body: web.json_response(down, status=503)))


def test_the_loop_in_the_background_ends_with_whoever_waits_for_it() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cleaned up")

    def wait_and_be_interrupted() -> None:
        with Background(forever()) as background:
            assert not background.wait(0.05)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_and_be_interrupted()
    assert ended == ["cleaned up"]


def test_what_the_loop_raises_comes_out_of_its_result() -> None:
    async def fails() -> None:
        raise UserError("c", "it broke")

    with Background(fails()) as background:
        assert background.wait(5)
        with pytest.raises(UserError, match="it broke"):
            background.result()
