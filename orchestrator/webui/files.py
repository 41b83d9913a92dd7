"""Files at Open WebUI: sent, waited for until they are searchable, found again by the mark that they were sent with.

One without the mark is somebody's own.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import UserError
from orchestrator.webui.client import WebUI
from orchestrator.webui.library import LibraryFile
from orchestrator.webui.refused import NOT_FOUND, WebUIRefused
from orchestrator.webui.transport import Upload

PATH = "/api/v1/files/"
COMPLETED, FAILED = "completed", "failed"
SECONDS = 300  # for making one file searchable
PAUSE = 0.1
TRIES = 2


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One that was sent from here: for which collection, under which name there, with which content."""

    id: str
    collection: str
    name: str
    sha256: str
    completed: bool


class NotReadError(Exception):
    """Why a file is not searchable, in the server's words."""


def stored(webui: WebUI, mark: str) -> list[StoredFile]:
    """All that carry the mark."""
    return [file for row in listed(webui) if (file := _stored(row, mark))]


def listed(webui: WebUI) -> Iterator[dict[str, Any]]:
    """All that the server keeps, whoever sent them, without their text."""
    return pages(webui, PATH, content="false")


def name_of(row: Mapping[str, Any]) -> str:
    """What who sent it called it; empty: the server doesn't say."""
    return str((row.get("meta") or {}).get("name") or row.get("filename") or "")


def pages(webui: WebUI, path: str, **query: str) -> Iterator[dict[str, Any]]:
    """All rows of a list that comes in pages, each once; some have no total, and an older server gives some whole."""
    seen: set[str] = set()
    number = 0
    while True:
        number += 1
        answer = webui.get(path, page=str(number), **query)
        rows = answer if isinstance(answer, list) else answer["items"]
        fresh = [row for row in rows if row["id"] not in seen]
        yield from fresh
        seen |= {row["id"] for row in fresh}
        if not fresh or (isinstance(answer, dict) and len(seen) >= answer["total"]):
            return


def send(webui: WebUI, file: LibraryFile, collection: str, mark: str) -> str:
    """The id of the searchable file, on the second try if need be. Raises NotReadError; nothing is then left of it."""
    try:
        content = file.path.read_bytes()
    except OSError as problem:
        raise NotReadError((problem.strerror or str(problem)).lower()) from None
    kind = mimetypes.guess_type(file.path.name)[0] or "text/plain"
    digest = hashlib.sha256(content).hexdigest()
    marked = {mark: {"collection": collection, "name": file.name, "sha256": digest}}
    upload = Upload(file.path.name, content, kind, {"metadata": json.dumps(marked)})
    why = ""
    for _ in range(TRIES):
        try:
            sent = str(webui.post(PATH, upload)["id"])
        except WebUIRefused as refused:
            why = refused.detail
            continue
        failed = wait(webui, sent, SECONDS)
        if failed is None:
            return sent
        why = failed
        delete(webui, sent)
    raise NotReadError(why)


def wait(webui: WebUI, file: str, seconds: float) -> str | None:
    """Until it is searchable; else why it will not be."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = webui.get(f"{PATH}{file}/process/status")["status"]
        if status == COMPLETED:
            return None
        if status == FAILED:
            return str((webui.get(f"{PATH}{file}").get("data") or {}).get("error") or "no reason given")
        time.sleep(PAUSE)
    return f"not searchable after {seconds:g} seconds"


def delete(webui: WebUI, file: str) -> None:
    """Out of every collection, too."""
    try:
        webui.delete(f"{PATH}{file}")
    except WebUIRefused as refused:
        if refused.status != NOT_FOUND and not _gone(webui, file):
            raise


def _gone(webui: WebUI, file: str) -> bool:
    """It says that it failed when the vectors alone were not there any more."""
    try:
        webui.get(f"{PATH}{file}")
    except UserError as error:
        return isinstance(error, WebUIRefused) and error.status == NOT_FOUND
    return False


def _stored(row: dict[str, Any], label: str) -> StoredFile | None:
    mark = ((row.get("meta") or {}).get("data") or {}).get(label)
    if not isinstance(mark, dict) or not {"collection", "name", "sha256"} <= mark.keys():
        return None
    status = (row.get("data") or {}).get("status")
    return StoredFile(row["id"], mark["collection"], mark["name"], mark["sha256"], status == COMPLETED)
