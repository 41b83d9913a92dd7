"""The gateway's access.jsonl: where its lines begin and end, and what one says. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

LONGEST = 1 << 20  # bytes of a line; what is longer was not written by the gateway
LONGEST_TEXT = 200  # characters of a name or a path, as in the gateway's own log
MOST = 10**12  # of any figure: more is somebody else's mistake, and the sums must fit
BEGINNING = b'{"time":"'  # of every line; inside a JSON string its quotes would be escaped


class Request(NamedTuple):
    """One line of the log, in the order of the columns that keep it. Booleans are 0 and 1, durations milliseconds."""

    id: str
    at: int  # epoch seconds
    participant: str | None
    via: str | None  # the service that asked for the participant
    method: str | None
    path: str | None
    model: str | None
    upstream: str | None
    backend: str | None
    attempts: int | None
    status: int
    error: str | None  # the gateway's own code
    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: int
    ttft_ms: int | None
    complete: int
    duration_ms: int | None
    bytes: int | None


class Line(NamedTuple):
    end: int  # the offset of the byte after it
    text: bytes  # without the newline; empty if it was too long
    request: Request | None
    unreadable: bool  # all of it, or what a power cut left in front of a good one


def lines(chunks: Iterable[bytes], offset: int) -> Iterator[Line]:
    """The whole lines in these bytes, which begin at `offset` of the file; the unfinished last one is left out."""
    rest, skipped, end = b"", 0, offset
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            end += skipped + len(text) + 1
            yield Line(end, b"", None, unreadable=True) if skipped else Line(end, text, *_read(text))
            skipped = 0
        if len(rest) > LONGEST:
            skipped += len(rest)
            rest = b""


def _read(text: bytes) -> tuple[Request | None, bool]:
    request = parse(text)
    if request is not None:
        return request, False
    after = text.rfind(BEGINNING)  # the next line, glued to the torn one before it
    return (parse(text[after:]) if after > 0 else None), True


def parse(text: bytes) -> Request | None:
    """None for what is not a line of the gateway. Raises nothing, whatever the bytes are."""
    try:
        line = json.loads(text.decode("utf-8", "replace"))
        at = _epoch(line["time"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    name, status = _text(line.get("id")), _figure(line.get("status"))
    if name is None or status is None:
        return None
    return Request(
        id=name,
        at=at,
        participant=_text(line.get("participant")),
        via=_text(line.get("via")),
        method=_text(line.get("method")),
        path=_text(line.get("path")),
        model=_text(line.get("model")),
        upstream=_text(line.get("upstream")),
        backend=_text(line.get("backend")),
        attempts=_figure(line.get("attempts")),
        status=status,
        error=_text(line.get("error")),
        prompt_tokens=_figure(line.get("prompt_tokens")),
        completion_tokens=_figure(line.get("completion_tokens")),
        estimated=int(line.get("estimated") is True),
        ttft_ms=_milliseconds(line.get("ttft")),
        complete=int(line.get("complete") is not False),
        duration_ms=_milliseconds(line.get("duration")),
        bytes=_figure(line.get("bytes")),
    )


@lru_cache(maxsize=64)  # many requests share a second
def _epoch(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return int(moment.timestamp())


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value[:LONGEST_TEXT] if value.isascii() else value[:LONGEST_TEXT].encode("utf-8", "replace").decode()


def _figure(value: Any) -> int | None:
    """A whole number that can be believed."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if whole and 0 <= value <= MOST else None


def _milliseconds(seconds: Any) -> int | None:
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return round(seconds * 1000) if number and 0 <= seconds <= MOST else None
