"""Whether an answer is one: judges what a model server said. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.checks.check import Outcome
from orchestrator.checks.wire import Completion, Embeddings, OllamaAnswer, OllamaEmbeddings

UNREADABLE = Outcome(ok=False, got="an answer that is not understood")

# Ollama: `"x" does not support chat`; vLLM: `The model does not support Chat Completions API`; llama.cpp likewise
NO_CHAT = re.compile(r"does not support", re.IGNORECASE)
# vLLM says it of each way to ask; it is no word on a field of the question
NO_CHAT_AT_ALL = re.compile(r"does not support (chat|completions|(responses|messages) api)", re.IGNORECASE)
# Ollama: `"x" does not support tools`
NO_TOOLS = re.compile(r"does not support (tools|function calling)", re.IGNORECASE)
BAD_REQUEST = 400

Form = TypeVar("Form", bound=BaseModel)
Line = tuple[float, str]  # seconds since the question, text


def read(form: type[Form], text: str) -> Form | None:
    """The text as that form; None: it is something else."""
    try:
        return form.model_validate_json(text)
    except ValidationError:
        return None


def completion(text: str) -> Outcome:
    """One whole answer: words, or as many tokens as were allowed."""
    answer = read(Completion, text)
    if answer is None or not answer.choices:
        return UNREADABLE
    choice, tokens = answer.choices[0], answer.usage.completion_tokens if answer.usage else 0
    if not choice.message.says_something and not (choice.finish_reason == "length" and tokens):
        return Outcome(ok=False, got="an empty answer")
    return Outcome(ok=True, got=f"an answer of {count(tokens, 'token')}" if tokens else "an answer")


def streamed_completion(lines: Sequence[Line]) -> Outcome:
    """Server-sent events: words, or as many tokens as were allowed, and the end mark."""
    first, pieces, full, ended = None, 0, False, False
    for seconds, line in lines:
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            ended = True
            continue
        event = read(Completion, data)
        if event is None or (error := error_in(data)):
            return UNREADABLE if event is None else Outcome(ok=False, got=f"broke off with an error: {error}")
        for choice in event.choices:
            full = full or choice.finish_reason == "length"
            if choice.delta.says_something:
                pieces, first = pieces + 1, seconds if first is None else first
    return _stream(first, pieces, full=full, end="[DONE]" if not ended else None)


def streamed_ollama(lines: Sequence[Line]) -> Outcome:
    """Ollama's own stream: one JSON object in a line, the last one `done`."""
    first, pieces, full, ended = None, 0, False, False
    for seconds, line in lines:
        if not line.strip():
            continue
        event = read(OllamaAnswer, line)
        if event is None or (error := error_in(line)):
            return UNREADABLE if event is None else Outcome(ok=False, got=f"broke off with an error: {error}")
        ended, full = ended or event.done, full or event.done_reason == "length"
        if event.message.says_something:
            pieces, first = pieces + 1, seconds if first is None else first
    return _stream(first, pieces, full=full, end='"done": true' if not ended else None)


def embeddings(text: str) -> Outcome:
    answer = read(Embeddings, text)
    if answer is None or not answer.data or not answer.data[0].embedding:
        return UNREADABLE
    return Outcome(ok=True, got=f"an embedding of {len(answer.data[0].embedding)} numbers; this model does not chat")


def ollama_embeddings(text: str) -> Outcome:
    answer = read(OllamaEmbeddings, text)
    if answer is None or not answer.embeddings or not answer.embeddings[0]:
        return UNREADABLE
    return Outcome(ok=True, got=f"an embedding of {len(answer.embeddings[0])} numbers; this model does not chat")


def has_no_chat(status: int, text: str) -> bool:
    """Whether a model said that it only embeds."""
    return status in {400, 404, 501} and bool(NO_CHAT.search(error_in(text) or ""))


def does_not_chat(status: int, text: str) -> bool:
    """Whether a model said so, and not that it does not support something in the question."""
    return has_no_chat(status, text) and bool(NO_CHAT_AT_ALL.search(error_in(text) or ""))


def takes_no_tools(status: int, text: str) -> bool:
    """Whether a model said so, as Ollama's do whose template has no place for tools."""
    return status == BAD_REQUEST and bool(NO_TOOLS.search(error_in(text) or ""))


def error_in(text: str) -> str | None:
    """What a server has to say for itself: OpenAI's, Ollama's and Open WebUI's forms; None: no error is in there."""
    error = _error(text)
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) and message else None


def code_in(text: str) -> str | None:
    """The code of an error in OpenAI's form."""
    error = _error(text)
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else None


def _error(text: str) -> object:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    return answer.get("error", answer.get("detail"))


def _stream(first: float | None, pieces: int, *, full: bool, end: str | None) -> Outcome:
    if end:
        return Outcome(ok=False, got=f"a stream without {end} at its end")
    if first is None:
        return Outcome(ok=full, got="a stream without words" if not full else "tokens without text")
    return Outcome(ok=True, got=f"first words after {first:.2f} s, {count(pieces, 'piece')}")


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
