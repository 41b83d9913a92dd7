"""Questions with a tool, and for an answer in a form, on each route that programs ask for a chat.

Whether they are taken: what the model makes of them is the model's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from orchestrator.checks import envelopes, reading
from orchestrator.checks.answers import (
    HELLO,
    PIECES,
    TOKENS,
    WORDS,
    body,
    judge,
    judge_stream,
    refused,
    who_may_use,
)
from orchestrator.checks.asking import OK, Answer, Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.reading import Line
from orchestrator.checks.subject import ModelUnderTest, Subject
from orchestrator.engines.container import MESSAGES, RESPONSES

CHAT = "/v1/chat/completions"
TAKEN = "an answer, whole and in pieces"
OBJECT = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ABOUT = {"name": "weather", "description": "Of a city"}
FUNCTION = {"type": "function", "function": {**ABOUT, "parameters": OBJECT}}
FORM = {"name": "city", "schema": OBJECT, "strict": True}
NOT_THERE = {400, 404, 405, 415, 422, 501}  # a provider that does not take a question of that route
NOT_ALLOWED = "backend_auth_failed"  # what the gateway says where a provider's key does not open it


@dataclass(frozen=True, slots=True)
class _Way:
    """A route beside OpenAI's chat, and what is asked there one after the other, in one check."""

    route: str
    name: str
    question: Mapping[str, object]
    whole: tuple[tuple[str, Mapping[str, object]], ...]
    streamed: tuple[str, Mapping[str, object]]
    read: Callable[[str], Outcome]
    read_stream: Callable[[list[Line]], Outcome]


_FLAT = {"tools": [{"type": "function", **ABOUT, "parameters": OBJECT}]}
_ANTHROPICS = {"tools": [{**ABOUT, "input_schema": OBJECT}]}
_WAYS = (
    _Way(
        RESPONSES,
        "Question with a tool, Responses API",
        {"input": "Hello", "max_output_tokens": TOKENS},
        (("whole", _FLAT), ("with a JSON schema", {"text": {"format": {"type": "json_schema", **FORM}}})),
        ("streamed", _FLAT),
        envelopes.response,
        envelopes.streamed_response,
    ),
    _Way(
        MESSAGES,
        "Question with a tool, Anthropic API",
        {"messages": HELLO, "max_tokens": TOKENS},
        (("whole", _ANTHROPICS),),
        ("streamed", _ANTHROPICS),
        envelopes.message,
        envelopes.streamed_message,
    ),
)


def lanes(subject: Subject, api: Server) -> Iterator[Lane]:
    """Of models that say that they take tools; and of providers', which say nothing, what they take of it."""
    for model in subject.models:
        verifier = who_may_use(model.name, subject)
        if verifier is None or model.embeds:
            continue
        if model.tools:
            yield tuple(_at_chat(model, verifier.key, api))
        for way in _WAYS:
            if model.routes is None or (model.tools and way.route in model.routes):
                yield (_at(way, model, verifier.key, api),)


def _at_chat(model: ModelUnderTest, key: SecretStr, api: Server) -> Iterator[Question]:
    def asked(more: Mapping[str, object]) -> Answer:
        return api.question(CHAT, key, {**body(model.name), **more})

    def called() -> Outcome:
        answer = asked({"tools": [FUNCTION]})
        return _said_no(answer) or judge(answer, reading.completion)

    def streamed() -> Outcome:
        answer = asked({"tools": [FUNCTION], "stream": True})
        return _said_no(answer) or judge_stream(answer, reading.streamed_completion)

    def formed() -> Outcome:
        answer = asked({"response_format": {"type": "json_schema", "json_schema": FORM}})
        return _said_no(answer) or judge(answer, reading.completion)

    yield Question("Question with a tool", model.name, WORDS, called)
    yield Question("Question with a tool, streamed", model.name, PIECES, streamed)
    yield Question("Question with a JSON schema", model.name, WORDS, formed)


def _at(way: _Way, model: ModelUnderTest, key: SecretStr, api: Server) -> Question:
    def asked(more: Mapping[str, object]) -> Answer:
        return api.question(way.route, key, {"model": model.name, **way.question, **more})

    def ask() -> Outcome:
        for what, more in way.whole:
            answer = asked(more)
            if no := _said_no(answer) or _not_promised(model, answer):
                return no
            outcome = judge(answer, way.read)
            if not outcome.ok:
                return Outcome(ok=False, got=f"{what}: {outcome.got}")
        what, more = way.streamed
        outcome = judge_stream(asked({**more, "stream": True}), way.read_stream)
        return outcome if outcome.ok else Outcome(ok=False, got=f"{what}: {outcome.got}")

    return Question(way.name, model.name, TAKEN, ask)


def _said_no(answer: Answer) -> Outcome | None:
    """That it takes no tools, or does not chat at all: it is no failure if it says so."""
    if answer.status == OK:
        return None
    if reading.takes_no_tools(answer.status, answer.text):
        return Outcome(ok=True, got="it says that it takes no tools")
    if reading.does_not_chat(answer.status, answer.text):
        return Outcome(ok=True, got="this model does not chat")
    return None


def _not_promised(model: ModelUnderTest, answer: Answer) -> Outcome | None:
    """Nobody said that a provider has the route."""
    if model.routes is not None or not (answer.status in NOT_THERE or answer.code == NOT_ALLOWED):
        return None
    return Outcome(ok=True, got=f"its provider does not take it: {refused(answer)}")
