"""Providers for tests of connections: one with a list of models, one without, one that accepts and never answers.

POST /_key with a text makes it the key that the first one wants; GET /_asked says what it was asked, GET /_held how many
connections the silent one took.
"""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LISTING, UNLISTED, HOLE = 8010, 8011, 8012
MODELS = ("small", "big", "org/odd-1:free")
KEY = ["first-key"]
ASKED: list[Any] = []
HELD: list[Any] = []


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lists = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/_asked":
            self._json(ASKED)
        elif self.path == "/_held":
            self._json(len(HELD))
        elif self.path != "/v1/models" or not self.lists:
            self._json({"error": {"message": "no such route"}}, 404)
        elif self._may():
            self._note(None)
            self._json({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/_key":
            KEY[0] = body
            self._json({})
        elif self._may():
            self._note(body)
            message = {"role": "assistant", "content": f"I am {body['model']}"}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self._json({"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice]})

    def _may(self) -> bool:
        given = self.headers.get("authorization", "")
        if self.lists and given != f"Bearer {KEY[0]}":
            self._json({"error": {"message": f"this key is wrong: {given.removeprefix('Bearer ')}"}}, 401)
            return False
        return True

    def _note(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        ASKED.append({"path": self.path, "headers": headers, "body": body})

    def _json(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Unlisted(Provider):
    lists = False


def hole() -> None:
    """Takes every connection and says nothing."""
    with socket.create_server(("0.0.0.0", HOLE), backlog=100) as listener:  # noqa: S104 - inside a container
        while True:
            HELD.append(listener.accept())


threading.Thread(target=hole, daemon=True).start()
threading.Thread(target=ThreadingHTTPServer(("0.0.0.0", UNLISTED), Unlisted).serve_forever, daemon=True).start()  # noqa: S104
ThreadingHTTPServer(("0.0.0.0", LISTING), Provider).serve_forever()  # noqa: S104
