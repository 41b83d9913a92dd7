"""What participants do meanwhile: long answers that are read to their end, and short questions, one after the other."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PAUSE = 0.1  # s between short questions of one asker
PATIENCE = 60  # s without a byte, after which a client gives up


@dataclass
class Stream(threading.Thread):
    """One long answer, read to its end in the background."""

    api: str
    key: str
    model: str = "tiny"
    tokens: int = 3000  # some seconds
    events: int = 0
    whole: bool = False
    error: str = ""
    began: threading.Event = field(default_factory=threading.Event)
    ended: float = 0.0  # time.monotonic()

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        url = urlsplit(self.api)
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=PATIENCE)
        messages = [{"role": "user", "content": "Go on"}]
        body = {"model": self.model, "messages": messages, "stream": True, "max_tokens": self.tokens}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            for line in connection.getresponse():
                if line.startswith(b"data: [DONE]"):
                    self.whole = True
                elif line.startswith(b"data: "):
                    self.events += 1
                    if self.events == 5:
                        self.began.set()
        except OSError as problem:
            self.error = str(problem)
        except http.client.HTTPException as problem:
            self.error = repr(problem)
        finally:
            self.ended = time.monotonic()
            connection.close()


@dataclass(frozen=True)
class Answer:
    """Of one short question."""

    asked: float  # time.monotonic()
    seconds: float
    status: int  # 0: no answer
    said: str


@dataclass
class Load:
    """Short questions by several askers at once, until it is left."""

    api: str
    key: str
    model: str = "tiny"
    answers: list[Answer] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def lost(self, begun: float = 0.0) -> list[Answer]:
        """Questions asked since then that were not answered."""
        return [answer for answer in self.answers if answer.status != 200 and answer.asked >= begun]

    def slowest(self, begun: float = 0.0) -> float:
        return max((answer.seconds for answer in self.answers if answer.asked >= begun), default=0.0)

    def ask_on(self) -> None:
        while not self.over.wait(PAUSE):
            self.answers.append(self._ask())

    def _ask(self) -> Answer:
        url, begun = urlsplit(self.api), time.monotonic()
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=PATIENCE)
        body = {"model": self.model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            said = response.read().decode(errors="replace")
            return Answer(begun, time.monotonic() - begun, response.status, said[:300])
        except (OSError, http.client.HTTPException) as problem:
            return Answer(begun, time.monotonic() - begun, 0, repr(problem))
        finally:
            connection.close()


def begun(api: str, keys: Sequence[str], *, tokens: int = 3000) -> list[Stream]:
    """A stream for each key, under way one after the other: asked for at once, two could go to the same backend."""
    streams = [Stream(api, key, tokens=tokens) for key in keys]
    for stream in streams:
        stream.start()
        assert stream.began.wait(60), stream.error
    return streams


@contextmanager
def load(api: str, key: str, *, askers: int = 2, model: str = "tiny") -> Iterator[Load]:
    """The askers end with the block."""
    made = Load(api, key, model)
    threads = [threading.Thread(target=made.ask_on, daemon=True) for _ in range(askers)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.over.set()
        for thread in threads:
            thread.join(PATIENCE + 5)
