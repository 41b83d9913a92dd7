"""One streamed answer, with the times that a person at the screen would notice."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import SecretStr

from orchestrator.checks import reading
from orchestrator.checks.silence import why

OK = 200
LINE = 1 << 20  # bytes; longer lines of a stream end it
MOST_WORDS = 80  # characters of a server's own message
CONNECT = 10  # s
WORDS = ("content", "reasoning_content", "reasoning", "thinking")


@dataclass(slots=True)
class Stream:
    """An answer as it comes."""

    first: float | None = None
    seconds: float = 0
    text: str = ""
    pieces: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    ended: bool = False
    refused: bool = False  # by a status, before any model was asked
    error: str | None = None

    @property
    def tokens(self) -> int:
        """As the engine counted them; else one for each piece, which is what engines send."""
        return self.pieces if self.completion_tokens is None else self.completion_tokens

    def take(self, event: dict[str, Any], seconds: float) -> None:
        """One event of the stream, `seconds` after the question."""
        if problem := event.get("error"):
            message = problem.get("message") if isinstance(problem, dict) else problem
            self.error = f"broke off: {str(message)[:MOST_WORDS]}"
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            words = "".join(delta.get(name) or "" for name in WORDS)
            if words:
                self.first = seconds if self.first is None else self.first
                self.pieces += 1
                self.text += words
        if usage := event.get("usage"):
            self.prompt_tokens = usage.get("prompt_tokens")
            self.completion_tokens = usage.get("completion_tokens")


async def ask(
    session: aiohttp.ClientSession,
    url: str,
    key: SecretStr,
    question: dict[str, Any],
    patience: float,
    stream: Stream,
) -> None:
    """Fills `stream`. Never raises for what a server or the network does: `error` says it in few words."""
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {key.get_secret_value()}", "Accept-Encoding": "identity"}
    timeout = aiohttp.ClientTimeout(total=patience, sock_connect=CONNECT)
    body = {**question, "stream": True, "stream_options": {"include_usage": True}}
    try:
        async with session.post(url, json=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
            if response.status != OK:
                stream.refused = True
                stream.error = refusal(response.status, await response.text(errors="replace"))
            else:
                await _read(response, stream, began)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        stream.error = silence(problem, patience)
    stream.seconds = time.monotonic() - began
    if stream.error is None and not stream.ended:
        stream.error = "broke off: no [DONE] at its end"


async def _read(response: aiohttp.ClientResponse, stream: Stream, began: float) -> None:
    rest = b""
    async for piece in response.content.iter_any():
        seconds = time.monotonic() - began
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                _event(line.removeprefix(b"data:").strip(), stream, seconds)
        if len(rest) > LINE:
            stream.error = "broke off: a line without end"
            return


def _event(data: bytes, stream: Stream, seconds: float) -> None:
    if data == b"[DONE]":
        stream.ended = True
        return
    try:
        event = json.loads(data)
    except ValueError:
        stream.error = "broke off: an answer that is not understood"
        return
    if isinstance(event, dict):
        stream.take(event, seconds)


def refusal(status: int, text: str) -> str:
    """The status and the server's own code or words."""
    said = reading.code_in(text) or (reading.error_in(text) or "")[:MOST_WORDS]
    return f"{status} {said}".strip()


def silence(problem: BaseException, patience: float) -> str:
    """Why nothing came."""
    if isinstance(problem, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
        return "the connection broke off"
    return why(problem, CONNECT, patience)
