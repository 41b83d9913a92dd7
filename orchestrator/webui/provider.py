"""Asks a connection for its models, as Open WebUI itself reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.redaction.redactor import Redactor
from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import plain
from orchestrator.webui.refused import FORBIDDEN, UNAUTHORIZED, WebUIRefused
from orchestrator.webui.wanted import Connection

SECONDS = 20  # the server itself gives up after 3 (webui/environment.py)
UNREACHED = "Server Connection Error"  # its words for a connection that is refused, or hangs
NO_ANSWER = "does not answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """`models`: as the provider calls them, in its order; none where there is a `problem`, which is in words."""

    models: tuple[str, ...] = ()
    problem: str | None = None
    silent: bool = False  # nothing came at all


def ask(webui: WebUI, connection: Connection) -> Answer:
    """`webui` speaks for the administrator."""
    try:
        found = _list(webui.patient(SECONDS), connection)
    except WebUIRefused as refused:
        if UNREACHED in refused.detail:
            return Answer(problem=NO_ANSWER, silent=True)
        return Answer(problem=_words(refused, connection))
    except UserError:  # the server itself did not answer in time
        return Answer(problem=NO_ANSWER, silent=True)
    return Answer(found) if found else Answer(problem="lists no models")


def _list(webui: WebUI, connection: Connection) -> tuple[str, ...]:
    key = connection.key.get_secret_value() if connection.key else ""
    how = {"auth_type": "bearer" if key else "none", "headers": plain(connection.headers)}
    # Ollama lists its models in OpenAI's form too; its own form is asked only of a connection that is there already.
    url = f"{connection.url}/v1" if connection.kind == "ollama" else connection.url
    return _names(webui.post("/openai/verify", {"url": url, "key": key, "config": how}, repeatable=True))


def _names(answer: Any) -> tuple[str, ...]:
    """Of {"data": [{"id": ...}]}, or the list alone, as some providers have it."""
    models = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(models, list):
        return ()
    names = (model.get("id") for model in models if isinstance(model, dict))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _words(refused: WebUIRefused, connection: Connection) -> str:
    """The provider's own, without the key, which some of them repeat."""
    what = "refuses the key" if refused.status in {UNAUTHORIZED, FORBIDDEN} else "does not list its models"
    return f"{what} ({_without_secrets(refused, connection)})"


def _without_secrets(refused: WebUIRefused, connection: Connection) -> str:
    headers = (value for value in connection.headers.values() if isinstance(value, SecretStr))
    secrets = (*([connection.key] if connection.key else ()), *headers)
    return Redactor(secrets).text(f"{refused.status}: {refused.detail}")


def ask_model(webui: WebUI, model: str, connection: Connection) -> str | None:
    """One token of it, through the server; what is wrong, in words."""
    body = {"model": model, "messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 1}
    try:
        webui.post("/api/chat/completions", body)
    except WebUIRefused as refused:
        return _without_secrets(refused, connection)
    except UserError as problem:
        return problem.message
    return None
