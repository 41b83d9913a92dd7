"""A way to Open WebUI on which things go wrong: cut, slow, or answered by something else; for one client at a time."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"accept-encoding", "connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Call:
    """The number counts from 1, since the way was made or `begin` was called."""

    number: int
    method: str
    path: str


@dataclass(frozen=True)
class Cut:
    """The connection ends without an answer; `done`: the server has done what was asked."""

    done: bool = False


@dataclass(frozen=True)
class Slow:
    seconds: float


@dataclass(frozen=True)
class Says:
    """Somebody else's answer; the server is not asked."""

    status: int
    body: str
    kind: str = "application/json"


Rule = Callable[[Call], Cut | Slow | Says | None]


def all_is_well(_: Call) -> None:
    return None


@dataclass
class FaultyWay:
    target: str
    url: str = ""
    rule: Rule = all_is_well
    calls: list[Call] = field(default_factory=list)

    def begin(self, rule: Rule = all_is_well) -> None:
        """Count anew, and let go wrong what this says."""
        self.calls, self.rule = [], rule


class _Handler(BaseHTTPRequestHandler):
    """One connection of the client's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.server.fault(self.command, self.path)
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        if isinstance(fault, Says):
            self.answer(fault.status, fault.kind, fault.body.encode())
            return
        self.close_connection = isinstance(fault, Cut)
        if not isinstance(fault, Cut) or fault.done:
            self.forward(body)

    do_GET = do_POST = do_DELETE = respond  # noqa: N815 - the base class's names

    def forward(self, body: bytes) -> None:
        where = urlsplit(self.server.way.target)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        else:
            if not self.close_connection:
                self.answer(answer.status, answer.headers.get("content-type", ""), content)
        finally:
            connection.close()

    def answer(self, status: int, kind: str, content: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # nobody waits any more

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, way: FaultyWay) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.way = way
        self._lock = threading.Lock()

    def fault(self, method: str, path: str) -> Cut | Slow | Says | None:
        with self._lock:
            call = Call(len(self.way.calls) + 1, method, path)
            self.way.calls.append(call)
        return self.way.rule(call)

    def handle_error(self, *_: object) -> None:
        """A client that goes away is part of the tests."""


@contextmanager
def faulty_way(target: str) -> Iterator[FaultyWay]:
    way = FaultyWay(target)
    with _Server(way) as server:
        way.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield way
        server.shutdown()
