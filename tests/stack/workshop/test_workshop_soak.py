"""Two hundred people for twenty minutes: no engine ends, none takes more memory than was planned, nobody meets a 5xx.

Each asks, reads and thinks by turns, in a chat that goes on, with the sampling options that programs send. The engines are
real and their models tiny, on few cores: what is shown is that nothing piles up, not how fast a GPU would be.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.stack.gateway.sampling import ASKED, CHAT
from tests.stack.workshop.bed import Workshop, llama

pytestmark = pytest.mark.full("twenty minutes; test_gateway_vllm and _llamacpp ask each option once")

PEOPLE = 200
MINUTES = float(os.environ.get("WORKSHOP_SOAK_MINUTES", "20"))
THINKS = (5.0, 25.0)  # seconds between an answer and the next question
TURNS = 6  # of a chat, until a new one begins
WORDS = "the gradient of a loss with respect to its weights is what we follow downhill " * 4
PATIENCE = 120  # seconds
EVERY = 5.0  # seconds between two looks at memory
MODELS = ("tiny", "deep")
ORDINARY = [asked for name, asked in ASKED.items() if name != "an image"]  # llama.cpp answers it with 500, in words


@dataclass
class Person(threading.Thread):
    """`statuses` counts answers by status; `broken` says what came besides answers."""

    api: str
    key: str
    number: int
    over: threading.Event
    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        chance = random.Random(self.number)
        chat: list[dict[str, str]] = []
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self.key}"
            while not self.over.wait(chance.uniform(*THINKS)):
                chat = [] if len(chat) >= 2 * TURNS else chat
                if chance.random() < 0.3:
                    self._ask(session, *chance.choice(ORDINARY), model=MODELS[self.number % 2])
                    continue
                chat.append({"role": "user", "content": WORDS[: chance.randint(8, len(WORDS))]})
                body = {"messages": chat, "max_tokens": chance.randint(4, 24), "stream": chance.random() < 0.7}
                self._ask(session, CHAT, body, model=MODELS[self.number % 2])
                chat.append({"role": "assistant", "content": "Downhill, then."})

    def _ask(self, session: requests.Session, path: str, body: dict[str, Any], model: str) -> None:
        try:
            with session.post(
                f"{self.api}{path}", json={**body, "model": model}, stream=True, timeout=PATIENCE
            ) as answer:
                text = b"".join(answer.iter_content(None))
        except requests.RequestException as problem:
            self.broken.append(repr(problem))
            return
        self.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            self.broken.append(f"{answer.status_code} {text[:200]!r} to {str(body)[:200]}")


@dataclass
class Soaked:
    people: list[Person]
    peaks: dict[str, int]  # bytes by service: in use, without what the kernel could drop
    containers: dict[str, dict[str, Any]]  # by service, as Docker tells of them at the end
    before: dict[str, str]  # when each was started

    @property
    def statuses(self) -> Counter[int]:
        return sum((person.statuses for person in self.people), Counter())


def used(container: Any) -> int:
    """Bytes that its processes have in memory: more than its limit counts, which takes what they share once."""
    listed = container.top(ps_args="-o pid,rss")
    column = listed["Titles"].index("RSS")
    return sum(int(process[column]) << 10 for process in listed["Processes"])


@pytest.fixture(scope="module")
def soaked(make_workshop: Callable[..., Workshop]) -> Soaked:
    deep = {"name": "deep", "engine": "vllm", "source": "Qwen/Qwen2.5-7B-Instruct"}
    workshop = make_workshop(
        "soak", participants={"count": PEOPLE}, models=[llama("tiny"), deep], limits={"requests_per_minute": 60}
    )
    workshop.provision()
    there, over = workshop.containers(), threading.Event()
    before = {service: one.attrs["State"]["StartedAt"] for service, one in there.items()}
    people = [Person(workshop.api, row["api_key"], number, over) for number, row in enumerate(workshop.people())]
    peaks = dict.fromkeys(there, 0)
    for person in people:
        person.start()
    until = time.monotonic() + 60 * MINUTES
    while time.monotonic() < until:
        peaks = {service: max(peaks[service], used(one)) for service, one in there.items()}
        time.sleep(EVERY)
    over.set()
    for person in people:
        person.join(PATIENCE + THINKS[1])
    seen = {service: one.client.api.inspect_container(one.id) for service, one in there.items()}
    done = Soaked(people, peaks, seen, before)
    mib = {service: round(peak / 2**20) for service, peak in peaks.items()}
    print(f"\n{MINUTES:g} minutes: answers {dict(done.statuses)}; at most {mib} MiB")
    return done


def test_everybody_is_answered_or_refused_in_words(soaked: Soaked) -> None:
    assert [line for person in soaked.people for line in person.broken] == []
    assert all(person.statuses[200] for person in soaked.people)
    assert set(soaked.statuses) <= {200, 400, 422, 429}
    assert soaked.statuses[200] >= 0.7 * soaked.statuses.total()


def test_no_container_ended(soaked: Soaked) -> None:
    assert {service: one["State"]["StartedAt"] for service, one in soaked.containers.items()} == soaked.before
    assert {service: one["RestartCount"] for service, one in soaked.containers.items()} == dict.fromkeys(
        soaked.before, 0
    )
    assert not any(one["State"]["OOMKilled"] for one in soaked.containers.values())


def test_each_container_stayed_within_its_plan(soaked: Soaked) -> None:
    limits = {service: one["HostConfig"]["Memory"] for service, one in soaked.containers.items()}
    assert all(limits.values()), limits
    assert {service: peak for service, peak in soaked.peaks.items() if not 0 < peak < limits[service]} == {}
