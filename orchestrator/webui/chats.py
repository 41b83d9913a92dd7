"""Chats as the administrator reads them: those of one account, page by page, and each in whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.webui.client import WebUI

PATH = "/api/v1/chats"


def listed(webui: WebUI, user: str) -> Iterator[dict[str, Any]]:
    """Id, title and times of each chat of the account, archived ones too; the oldest first, so that no page moves."""
    seen: set[str] = set()
    number = 0
    while True:
        number += 1
        rows = webui.get(f"{PATH}/list/user/{user}", page=str(number), order_by="created_at", direction="asc")
        fresh = [row for row in rows if row["id"] not in seen]
        yield from fresh
        seen |= {row["id"] for row in fresh}
        if not fresh:
            return


def whole(webui: WebUI, chat: str) -> dict[str, Any]:
    """The chat with all its messages, as Open WebUI has it. Raises WebUIRefused 401 for one that is gone."""
    return dict(webui.get(f"{PATH}/{chat}"))
