"""Which files a chat names. Pure; takes whatever a person's program stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.archive.lenient import mapping, sequence

OTHERS = {"collection", "folder", "note", "chat", "channel"}  # an id of theirs is none of a file
# Nothing else is ever asked for: an id goes into the path of a request that the administrator makes.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(rf"(?:(?:https?://[^/]*)?/api/v1/files/)?({_ID.pattern})(?:/content(?:/[^/]*)?)?")


@dataclass(frozen=True, slots=True)
class Attached:
    """A file at Open WebUI, by its id there, and what the chat calls it."""

    id: str
    name: str


def attached(chat: Mapping[str, Any]) -> Iterator[Attached]:
    """Those of its messages, shown or not, and of the chat itself; each once."""
    body = mapping(chat.get("chat"))
    of_tries = mapping(mapping(body.get("history")).get("messages")).values()
    seen: set[str] = set()
    for holder in (*of_tries, *sequence(body.get("messages")), body):
        for item in sequence(mapping(holder).get("files")):
            key = file_id(item)
            if key and key not in seen:
                seen.add(key)
                yield Attached(key, str(mapping(item).get("name") or ""))


def file_id(item: object) -> str | None:
    """Of what stands among a message's files; None where that is no file that the server keeps."""
    row = mapping(item)
    if row.get("type") in OTHERS:
        return None
    for said in (row.get("id"), mapping(row.get("file")).get("id"), row.get("url")):
        if isinstance(said, str) and (found := _ADDRESS.fullmatch(said)):
            return found[1]
    return None
