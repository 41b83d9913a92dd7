"""Somebody else's model: speaks as OpenAI does, and streams for as long as a test wants."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Provider(ThreadingHTTPServer):
    """Speaks as OpenAI does; a stream goes on until `finish` is set."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        self.finish = threading.Event()
        self.keys: list[str | None] = []
        super().__init__((address, 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A stream that is cut off ends here in a broken pipe, as it should."""


class Handler(BaseHTTPRequestHandler):
    server: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.keys.append(self.headers["authorization"])
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.endswith("/chat/completions"):  # like most, it knows no other way to ask
            self.send_error(404)
            return
        message = {"role": "assistant", "content": f"I am {asked['model']}"}
        self.send_response(200)
        if not asked.get("stream"):
            usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            body = json.dumps(whole | {"usage": usage}).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        piece = b"data: " + json.dumps({"choices": [{"index": 0, "delta": message}]}).encode() + b"\n\n"
        self.wfile.write(piece)
        if asked["max_tokens"] > 100:
            while not self.server.finish.wait(0.2):
                self.wfile.write(piece)
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
