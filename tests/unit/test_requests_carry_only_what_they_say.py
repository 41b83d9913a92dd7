"""What the program asks a workshop's servers holds what it says and nothing else: no cookie, no proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.trust import authorities
from orchestrator.webui.client import WebUI


class SignsIn(ThreadingHTTPServer):
    """Answers everything with a cookie, as Open WebUI does at sign-in; `cookies` are those that came."""

    def __init__(self) -> None:
        self.cookies: list[str | None] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: SignsIn

    def do_GET(self) -> None:
        self.server.cookies.append(self.headers["cookie"])
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("set-cookie", "token=somebodys; Path=/")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SignsIn]:
    """Behind it a proxy in the environment that nobody answers."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found = SignsIn()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def test_a_check_without_a_key_is_asked_without_the_cookie_of_an_earlier_sign_in(server: SignsIn) -> None:
    asked = Server(server.url, authorities(None), Patience())

    asked.get("/signin", SecretStr("key"))
    asked.get("/models", None)

    assert server.cookies == [None, None]


def test_open_webuis_client_keeps_no_cookie(server: SignsIn) -> None:
    webui = WebUI(server.url)

    webui.get("/signin")
    webui.signed_in(SecretStr("another")).get("/models")

    assert server.cookies == [None, None]
