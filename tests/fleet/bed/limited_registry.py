"""A way to a registry that gives a number of images, then answers as Docker Hub does at its limit."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fleet.bed.registry import Registry

LIMIT = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
PASSED_ON = {"content-type", "docker-content-digest"}


class Limited(ThreadingHTTPServer):
    """`pulls` are left: a manifest that is given counts, as there."""

    def __init__(self, registry: Registry, address: str, pulls: int) -> None:
        super().__init__((address, 0), _Handler)
        self.registry = registry
        self.pulls = pulls

    @classmethod
    @contextmanager
    def opened(cls, registry: Registry, address: str, *, pulls: int) -> Iterator[str]:
        """Its address."""
        server = cls(registry, address, pulls)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"{address}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Limited

    def do_GET(self) -> None:
        if "/manifests/" in self.path:
            if self.server.pulls <= 0:
                self._answer(429, LIMIT, {"content-type": "application/json"})
                return
            self.server.pulls -= self.command == "GET"
        request = urllib.request.Request(f"http://{self.server.registry.outer}{self.path}", method=self.command)
        for name in ("accept", "range"):
            if values := self.headers.get_all(name):
                request.add_unredirected_header(name, ", ".join(values))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                self._answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.read(), dict(error.headers))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() in PASSED_ON:
                self.send_header(name, value)
        whole = self.command == "GET"
        self.send_header("content-length", str(len(body)) if whole else headers.get("Content-Length", "0"))
        self.end_headers()
        if whole:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass
