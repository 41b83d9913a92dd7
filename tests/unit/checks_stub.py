"""A stub of a whole workshop in one process: the gateway's and Open WebUI's answers, and ways to get them wrong.

What the real ones answer is recorded in tests/stack; here the question is what `verify` makes of it.
"""

import json
import posixpath
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from orchestrator.checks.subject import ModelUnderTest, Subject, Verifier
from orchestrator.identity import keys
from orchestrator.identity.participant import Participant
from orchestrator.plan.gateway import Window
from tests.unit.checks_ways import WAYS

SECRET = b"s" * 32
MODELS = (
    ModelUnderTest("chat", "llamacpp", ollama=False),
    ModelUnderTest("small", "ollama", ollama=True),
    ModelUnderTest("red-only", "vllm", ollama=False, teams=("red",)),
)
SEEN = {"_verify": ("chat", "small"), "_verify-red": ("chat", "small", "red-only"), "p01": ("chat", "small")}
SERVED = {"/v1/chat/completions", "/v1/embeddings", *WAYS, "/ollama/api/chat", "/ollama/api/embed"}


def key_of(person: str) -> SecretStr:
    return keys.api_key(SECRET, person, 1)


def webui_key_of(person: str) -> SecretStr:
    return SecretStr(f"sk-of-{person}")


def password_of(person: str) -> SecretStr:
    return SecretStr(f"password-of-{person}")


def mail_of(person: str) -> str:
    return f"{person}@class.workshop.local"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str  # as it came
    key: str | None
    body: dict[str, Any]

    @property
    def normal_path(self) -> str:
        path = posixpath.normpath(unquote(self.path))
        return path if path.startswith("/") else f"/{path}"


@dataclass(frozen=True)
class Reply:
    status: int
    body: object = None  # str: sent as it is
    kind: str = "application/json"
    pieces: tuple[str, ...] | None = None  # sent in chunks instead
    pause: float = 0  # before each piece


Override = Callable[[Asked], Reply | None]


def error(status: int, code: str) -> Reply:
    return Reply(status, {"error": {"message": f"about {code}", "type": "x", "param": None, "code": code}})


def event(delta: dict[str, Any], finish: str | None = None) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + "\n\n"


STREAM = (
    event({"role": "assistant", "content": ""}),
    event({"content": "Good"}),
    event({"content": " day"}, "stop"),
    "data: [DONE]\n\n",
)
ANSWER = {"choices": [{"message": {"content": "Good day"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}


def chat(asked: Asked) -> Reply:
    return (
        Reply(200, pieces=STREAM, kind="text/event-stream") if asked.body.get("stream") else Reply(200, _whole(asked))
    )


def _whole(asked: Asked) -> dict[str, Any]:
    return {**ANSWER, "sources": [{"document": ["of the file"]}]} if asked.body.get("files") else ANSWER


def other_way(path: str, *, stream: bool) -> Reply:
    whole, pieces = WAYS[path]
    return Reply(200, pieces=pieces, kind="text/event-stream") if stream else Reply(200, whole)


@dataclass
class StubGateway:
    """Like templates/gateway: who is asking, is the path served, may they use the model."""

    window: str | None = None  # event_not_open, event_closed
    overrides: list[Override] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/healthz":
            return Reply(200, "ok\n", "text/plain")
        known = {keys.fingerprint(key_of(person)): person for person in SEEN}
        if not asked.key:
            return error(401, "missing_api_key")
        person = known.get(keys.fingerprint(asked.key))
        if person is None:
            return error(401, "invalid_api_key" if keys.is_well_formed(asked.key) else "mistyped_api_key")
        if self.window and person == "p01":
            return error(403, self.window)
        return self._served(asked, person)

    def _served(self, asked: Asked, person: str) -> Reply:
        path = asked.normal_path
        if path == "/v1/models":
            return Reply(200, {"data": [{"id": name} for name in SEEN[person]]})
        if path == "/ollama/api/tags":
            return Reply(200, {"models": [{"name": f"{m.name}:latest"} for m in MODELS if m.ollama]})
        if path not in SERVED:
            return error(403, "path_forbidden") if path.startswith("/ollama/") else error(404, "unknown_url")
        if asked.body["model"] not in SEEN[person]:
            return error(404, "model_not_found")
        if path == "/ollama/api/chat":
            lines = ({"message": {"content": "Good"}, "done": False}, {"message": {"content": ""}, "done": True})
            return Reply(200, pieces=tuple(json.dumps(line) + "\n" for line in lines), kind="application/x-ndjson")
        return other_way(asked.path, stream=bool(asked.body.get("stream"))) if path in WAYS else chat(asked)


@dataclass
class StubWebUI:
    """Like Open WebUI 0.12."""

    overrides: list[Override] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:  # noqa: PLR0911 - one for each path
        people = {webui_key_of(person).get_secret_value(): person for person in SEEN}
        if asked.path == "/health":
            return Reply(200, {"status": True})
        if asked.path == "/api/v1/auths/signup":
            return Reply(403, {"detail": "You do not have permission to access this resource."})
        if asked.path == "/api/v1/auths/signin":
            return self._sign_in(asked)
        if asked.key not in people:
            return Reply(401, {"detail": "Not authenticated"})
        seen = SEEN[people[asked.key]]
        if asked.path == "/api/models":
            return Reply(200, {"data": [{"id": name} for name in seen]})
        if asked.path == "/api/chat/completions":
            return chat(asked) if asked.body["model"] in seen else Reply(400, {"detail": "Model not found"})
        return self._attached(asked) or Reply(200, "<html>", "text/html")

    @staticmethod
    def _attached(asked: Asked) -> Reply | None:
        """Files, and collections of one's own."""
        path = asked.path.partition("?")[0]
        if path in {"/api/v1/files/", "/api/v1/knowledge/"}:
            return Reply(200, {"id": "f1"} if asked.method == "POST" else {"items": [], "total": 0})
        if path == "/api/v1/knowledge/create":
            return Reply(200, {"id": "k1", "name": asked.body["name"]})
        if path.endswith("/process/status"):
            return Reply(200, {"status": "completed"})
        return Reply(200, {"id": "f1"}) if path.startswith(("/api/v1/files/f1", "/api/v1/knowledge/k1")) else None

    @staticmethod
    def _sign_in(asked: Asked) -> Reply:
        people = {mail_of(person): person for person in SEEN}
        mail = asked.body["email"]
        if mail not in people or asked.body["password"] != password_of(people[mail]).get_secret_value():
            return Reply(400, {"detail": "The email or password provided is incorrect."})
        return Reply(200, {"token": "jwt", "email": mail, "role": "user"})


@dataclass(frozen=True)
class StubServer:
    url: str
    stub: StubGateway | StubWebUI
    asked: list[Asked]


@contextmanager
def serving(stub: StubGateway | StubWebUI, tls: ssl.SSLContext | None = None) -> Iterator[StubServer]:
    history: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer on a kept connection waits 40 ms

        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            body = json.loads(sent) if sent and "json" in self.headers.get("Content-Type", "") else {}
            authorization = self.headers.get("Authorization", "")
            asked = Asked(self.command, self.path, authorization.removeprefix("Bearer ") or None, body)
            history.append(asked)
            replies = (override(asked) for override in stub.overrides)
            self.send(next((reply for reply in replies if reply is not None), None) or stub.answer(asked))

        do_GET = do_POST = do_DELETE = respond  # noqa: N815 - the base class's names

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            if reply.pieces is None:
                data = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
                time.sleep(reply.pause)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                time.sleep(reply.pause)
                self.wfile.write(f"{len(piece.encode()):x}\r\n{piece}\r\n".encode())
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *arguments: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            """A client that goes away is part of the tests."""

    with QuietServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        scheme = "https" if tls else "http"
        yield StubServer(f"{scheme}://127.0.0.1:{server.server_port}", stub, history)
        server.shutdown()


def verifier(person: str, team: str | None = None) -> Verifier:
    return Verifier(
        Participant(person, team=team),
        key_of(person),
        SEEN[person],
        mail_of(person),
        password_of(person),
        webui_key_of(person),
    )


def subject(api: str, webui: str | None = None) -> Subject:
    return Subject(
        api=api,
        webui=webui,
        models=MODELS,
        verifiers=(verifier("_verify"), verifier("_verify-red", "red")),
        removed=key_of("p99"),
        now=1000.0,
        window=Window(),
        ordinary=("p01", key_of("p01")),
    )
