"""Whether what came at /v1/responses or /v1/messages is an answer there. Pure.

Sources: OpenAI's API reference, "Responses" and its streaming events; Anthropic's, "Messages" and "Streaming messages".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.checks import reading
from orchestrator.checks.check import Outcome
from orchestrator.checks.reading import UNREADABLE, Line

END_MARK = "[DONE]"  # that some servers add; OpenAI's clients stop there


class _Part(BaseModel):
    type: str


class _Usage(BaseModel):
    output_tokens: int = 0


class _Response(BaseModel):
    id: str
    object: Literal["response"]
    status: Literal["completed", "incomplete"]
    output: list[_Part]
    usage: _Usage | None = None


class _Message(BaseModel):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[_Part]
    stop_reason: str
    usage: _Usage


class _Event(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str

    @property
    def error(self) -> str | None:
        """In OpenAI's forms, and in Anthropic's."""
        if self.type not in {"error", "response.failed"}:
            return None
        more: dict[str, Any] = self.model_extra or {}
        inside = more.get("error") or (more.get("response") or {}).get("error") or more
        return str(inside.get("message") or self.type) if isinstance(inside, dict) else str(inside)


@dataclass(frozen=True, slots=True)
class _Sent:
    seconds: float
    name: str  # what stood before its data
    event: _Event | None  # None: its data is none


def response(text: str) -> Outcome:
    answer = reading.read(_Response, text)
    return UNREADABLE if answer is None else _counted(answer.usage)


def message(text: str) -> Outcome:
    answer = reading.read(_Message, text)
    return UNREADABLE if answer is None else _counted(answer.usage)


def streamed_response(lines: Sequence[Line]) -> Outcome:
    """Clients go by the events' types: servers need not name them."""
    return _stream(lines, "response.created", ("response.completed", "response.incomplete"), named=False)


def streamed_message(lines: Sequence[Line]) -> Outcome:
    """Clients leave out events without a name."""
    return _stream(lines, "message_start", ("message_stop",), named=True)


def _stream(lines: Sequence[Line], first: str, last: tuple[str, ...], *, named: bool) -> Outcome:
    sent = list(_sent(lines))
    events = [one.event for one in sent if one.event is not None]
    if error := next((event.error for event in events if event.error), None):
        return Outcome(ok=False, got=f"broke off with an error: {error}")
    if not events or len(events) < len(sent):
        return UNREADABLE
    for one, event in zip(sent, events, strict=True):
        if one.name != event.type and (named or one.name):
            return Outcome(ok=False, got=f"an event {event.type} that is called {one.name or 'nothing'}")
    if events[0].type != first:
        return Outcome(ok=False, got=f"a stream that begins with {events[0].type}, not {first}")
    if events[-1].type not in last:
        return Outcome(ok=False, got=f"a stream without {' or '.join(last)} at its end")
    return Outcome(ok=True, got=f"first event after {sent[0].seconds:.2f} s, {len(events)} events")


def _sent(lines: Sequence[Line]) -> Iterator[_Sent]:
    name = ""
    for seconds, line in lines:
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data" and value.strip() != END_MARK:
            yield _Sent(seconds, name, reading.read(_Event, value))
        elif not line:
            name = ""


def _counted(usage: _Usage | None) -> Outcome:
    tokens = usage.output_tokens if usage else 0
    return Outcome(ok=True, got=f"an answer of {reading.count(tokens, 'token')}" if tokens else "an answer")
