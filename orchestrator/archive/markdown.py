"""A chat as a page that people read. Pure; what Open WebUI has of it in whole is in the JSON beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from orchestrator.archive.attached import attached, file_id
from orchestrator.archive.lenient import mapping, sequence

NO_FILES: Mapping[str, str] = MappingProxyType({})
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # by a terminal; a tab and a new line are text


def page(chat: Mapping[str, Any], who: str, files: Mapping[str, str] = NO_FILES) -> str:
    """The conversation as it stood on the page at the end: of several tries at an answer, the one that was chosen.

    `files` are links to those that lie beside the page, by their ids; a file without one was deleted, or is missing.
    Takes whatever a person's program stored: what is not of the usual form is left out here.
    """
    body = mapping(chat.get("chat"))
    messages = mapping(mapping(body.get("history")).get("messages"))
    shown = list(_branch(messages, mapping(body.get("history")).get("currentId"))) or _listed(body.get("messages"))
    title = _line(chat.get("title") or body.get("title")) or "Chat"
    facts = [f"- Of: {_line(who)}", f"- Begun: {_when(chat.get('created_at'))}"]
    facts += [f"- Last change: {_when(chat.get('updated_at'))}"]
    if models := [_line(name) for name in sequence(body.get("models")) if isinstance(name, str)]:
        facts.append(f"- Models: {', '.join(models)}")
    if (left := len(messages) - len(shown)) > 0:
        facts.append(f"- Not shown here: {left} messages of other tries, in the JSON beside this page")
    said = [line for one in shown for line in _message(one, files)]
    linked = {file_id(file) for one in shown for file in sequence(one.get("files"))}
    others = [_link(one.name, files[one.id]) for one in attached(chat) if one.id in files and one.id not in linked]
    facts += [f"- More files: {', '.join(others)}"] if others else []
    return "\n".join([f"# {title}", "", *facts, "", *said])


def _branch(messages: Mapping[str, Any], last: object) -> list[Mapping[str, Any]]:
    """From the first message to this one."""
    found: list[Mapping[str, Any]] = []
    seen: set[object] = set()
    while isinstance(last, str) and last not in seen and isinstance(messages.get(last), Mapping):
        seen.add(last)
        found.append(messages[last])
        last = messages[last].get("parentId")
    return found[::-1]


def _listed(messages: object) -> list[Mapping[str, Any]]:
    return [one for one in sequence(messages) if isinstance(one, Mapping)]


def _message(message: Mapping[str, Any], files: Mapping[str, str]) -> Iterator[str]:
    role = _line(message.get("role")) or "unknown"
    model = _line(message.get("model")) if role == "assistant" else ""
    yield f"## {role}{f' ({model})' if model else ''}, {_when(message.get('timestamp'))}"
    yield ""
    if text := _text(message.get("content")):
        yield from (text, "")
    for file in sequence(message.get("files")):
        if isinstance(file, Mapping):
            what = f"{_line(file.get('type')) or 'file'}: {_line(file.get('name')) or 'without a name'}"
            link = files.get(file_id(file) or "")
            yield _link(what, link) if link else f"[{_quoted(what)}]"
            yield ""


def _link(text: str, to: str) -> str:
    return f"[{_quoted(text) or 'file'}]({to})"


def _quoted(text: str) -> str:
    """Without an end of the brackets that it stands in."""
    return re.sub(r"([\\\[\]])", r"\\\1", _line(text))


def _text(content: object) -> str:
    if isinstance(content, str):
        return _OBEYED.sub("", content.replace("\r\n", "\n")).strip()
    parts = [part for part in sequence(content) if isinstance(part, Mapping)]
    return "\n\n".join(_text(part.get("text")) if "text" in part else f"[{_line(part.get('type'))}]" for part in parts)


def _line(text: object) -> str:
    return " ".join(_OBEYED.sub(" ", text).split()) if isinstance(text, str) else ""


def _when(seconds: object) -> str:
    try:
        return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return "time not known"
