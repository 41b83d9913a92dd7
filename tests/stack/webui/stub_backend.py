"""A stand-in for the gateway: OpenAI's chat and embeddings for any model, and a record of what was asked, at /_asked.

POST /_silent with `true` makes embeddings fail until `false` comes. Beside it a server of tools that describes itself at
/tools/openapi.json, and at /late/ once /_late was asked.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ASKED: list[Any] = []
SILENT: list[bool] = [False]
LATE = threading.Event()
HEADERS = ("authorization", "x-openwebui-user-email", "x-openwebui-user-name", "x-openwebui-user-id")

TOOLS = {
    "openapi": "3.1.0",
    "info": {"title": "Dice", "version": "1", "description": "Rolls them."},
    "paths": {"/roll": {"get": {"operationId": "roll", "summary": "Rolls a die.", "responses": {"200": {}}}}},
}


def vector(text: str) -> list[float]:
    """Numbers that say nothing about the meaning."""
    return [byte / 255 + 0.1 for byte in hashlib.sha256(text.encode()).digest()]


class Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/_asked":
            self._json(ASKED)
        elif self.path == "/_late":
            LATE.set()
            self._json({})
        elif self.path == "/tools/openapi.json" or (self.path == "/late/openapi.json" and LATE.is_set()):
            self._json(TOOLS)
        elif self.path == "/late/openapi.json":
            self.send_error(503)
        elif self.path == "/ollama/api/tags":
            self._note(None)
            self._json({"models": [{"name": name, "model": name} for name in ("chat:latest", "red-only:latest")]})
        else:
            self._note(None)
            self._json({"object": "list", "data": [{"id": "of-the-stub", "object": "model", "owned_by": "stub"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/_silent":
            SILENT[0] = body
            self._json(body)
            return
        self._note(body)
        if self.path.endswith("/embeddings"):
            self._embed(body)
        elif self.path == "/ollama/api/generate":
            self._json({"model": body["model"], "response": "Hello from the stub", "done": True})
        elif self.path == "/ollama/api/embed":
            self._json({"model": body["model"], "embeddings": [vector("x")]})
        elif body.get("stream"):
            self._stream(body["model"], ("Hello", " from", " the stub"))
        else:
            message = {"role": "assistant", "content": "Hello from the stub"}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self._json({"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice]})

    def _embed(self, body: Any) -> None:
        if SILENT[0]:
            self._json({"error": {"message": "no backend answers", "code": "model_unavailable"}}, 503)
            return
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        numbers = 16 if body["model"] == "wider" else 8
        data = [{"index": index, "embedding": vector(text)[:numbers]} for index, text in enumerate(texts)]
        self._json({"object": "list", "model": body["model"], "data": data})

    def _note(self, body: Any) -> None:
        headers = {name: self.headers[name] for name in HEADERS if name in self.headers}
        ASKED.append({"path": self.path, "headers": headers, "body": body})

    def _json(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, model: str, words: tuple[str, ...]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for word in words:
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            chunk = {"id": "1", "object": "chat.completion.chunk", "model": model, "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


ThreadingHTTPServer(("0.0.0.0", 8000), Stub).serve_forever()  # noqa: S104 - inside a container
