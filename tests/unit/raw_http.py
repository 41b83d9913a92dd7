"""Requests byte by byte, as http.client would not send them, and what a gateway wrote to its error log."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.unit.gateway_bed import Gateway

CHAT = b"POST /v1/chat/completions HTTP/1.1"
BODY = b'{"model":"stub","messages":[]}'
KEY = b"Authorization: Bearer sk-ada"

# What nginx says of a request that it refused, and njs of one whose sender left while it was read
ALLOWED = (
    re.compile(r"\[error\] .* client sent invalid chunked body, "),
    re.compile(r"\[error\] .* client intended to send too large (chunked )?body: "),
    re.compile(r"\[error\] .* pending events while closing request, "),
    re.compile(r"\[error\] .* nobody could not be resolved "),  # a backend's name
)


def request(
    line: bytes = CHAT, *headers: bytes, body: bytes = BODY, host: bytes = b"Host: x", key: bytes = KEY
) -> bytes:
    """With a length, unless one of the headers says otherwise. An empty `host` or `key` leaves that header out."""
    framed = any(header.lower().startswith((b"content-length", b"transfer-encoding")) for header in headers)
    lines = [line, host, key, *headers, b"" if framed else b"Content-Length: %d" % len(body)]
    return b"\r\n".join(line for line in lines if line) + b"\r\n\r\n" + body


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def connect(gateway: Gateway, seconds: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.port()), timeout=seconds)


def answered(connection: socket.socket) -> tuple[int, Any]:
    """The next answer's status and JSON."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    text = response.read()
    assert response.headers["Content-Type"] == "application/json"
    return response.status, json.loads(text)


def all_answered(connection: socket.socket) -> list[tuple[int, Any]]:
    """All answers until the gateway closes the connection; they must have lengths."""
    answers = re.split(rb"HTTP/1\.1 (\d{3}) ", connection.makefile("rb").read())
    return [
        (int(status), json.loads(rest.partition(b"\r\n\r\n")[2]))
        for status, rest in zip(answers[1::2], answers[2::2], strict=True)
    ]


def exchange(gateway: Gateway, sent: bytes) -> tuple[int, Any]:
    with connect(gateway) as connection:
        with suppress(ConnectionError):  # it may refuse before it has read everything
            connection.sendall(sent)
        return answered(connection)


def error_of(answer: tuple[int, Any]) -> tuple[int, str]:
    """Status and code of a refusal, which must be in OpenAI's form."""
    status, document = answer
    assert set(document) == {"error"}, document
    assert set(document["error"]) == {"message", "type", "param", "code"}
    assert document["error"]["type"] == ("invalid_request_error" if status < 500 else "server_error")
    return status, document["error"]["code"]


def error_log(gateway: Gateway) -> list[str]:
    return [line for line in gateway.container.logs(stdout=False).decode().splitlines() if "[notice]" not in line]


def unexpected(lines: list[str]) -> list[str]:
    return [line for line in lines if not any(pattern.search(line) for pattern in ALLOWED)]


@contextmanager
def nothing_unexpected_logged(gateway: Gateway) -> Iterator[None]:
    """Nothing may come into the error log meanwhile but what is allowed by name."""
    before = len(error_log(gateway))
    yield
    assert unexpected(error_log(gateway)[before:]) == []
