"""Part: every chat of these accounts, as JSON and as a page to read, and the files that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from orchestrator.archive.markdown import page
from orchestrator.archive.names import safe
from orchestrator.webui.away import patiently
from orchestrator.webui.chats import listed, whole
from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused
from orchestrator.workflow.archives.attachments import Attachments
from orchestrator.workflow.archives.gathering import Gathering, Owner

FOLDER = "chats"
AT_ONCE = 4
IN_MEMORY = 16  # chats: a long one has some megabytes


def put_chats(gathering: Gathering, webui: WebUI, owners: Iterable[Owner]) -> None:
    """A chat, or a list of chats, that the server refuses is named. Raises UserError where it does not answer."""
    attachments = Attachments(gathering, webui)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for owner in owners:
            try:
                rows = patiently(webui, partial(_rows, webui, owner.id))
            except WebUIRefused as refused:
                gathering.lacks(f"chats of {owner.label}", refused)
                continue
            if rows:
                _put(gathering, attachments, lambda chat: _asked(pool, webui, chat), owner, rows)


def _put(
    gathering: Gathering,
    attachments: Attachments,
    ask: Callable[[str], Future[dict[str, Any]]],
    owner: Owner,
    rows: list[dict[str, Any]],
) -> None:
    folder = gathering.writer.place(FOLDER, owner.folder)
    for begin in range(0, len(rows), IN_MEMORY):
        asked = [(row, ask(row["id"])) for row in rows[begin : begin + IN_MEMORY]]
        for number, (row, answer) in enumerate(asked, begin + 1):
            title = str(row.get("title") or "")
            try:
                chat = answer.result()
            except WebUIRefused as refused:
                gathering.lacks(f"chat {number} of {owner.label}, {row['id']}", refused)
                continue
            name = f"{number:04} {safe(title, 'Chat')}"
            files = attachments.put(chat, folder, f"chat {number} of {owner.label}")
            gathering.writer.json(f"{folder}/{name}.json", chat)
            gathering.writer.text(f"{folder}/{name}.md", page(chat, owner.label, files))
            gathering.counts["chats"] += 1


def _rows(webui: WebUI, user: str) -> list[dict[str, Any]]:
    return list(listed(webui, user))


def _asked(pool: ThreadPoolExecutor, webui: WebUI, chat: str) -> Future[dict[str, Any]]:
    return pool.submit(patiently, webui, lambda: whole(webui, chat))
