"""Chats as the administrator reads them: those of one account, page by page, and each in whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.files import pages

PATH = "/api/v1/chats"


def listed(webui: WebUI, user: str) -> Iterator[dict[str, Any]]:
    """Id, title and times of each chat of the account, archived ones too; the oldest first, so that no page moves."""
    return pages(webui, f"{PATH}/list/user/{user}", order_by="created_at", direction="asc")


def whole(webui: WebUI, chat: str) -> dict[str, Any]:
    """The chat with all its messages, as Open WebUI has it. Raises WebUIRefused 401 for one that is gone."""
    return dict(webui.get(f"{PATH}/{chat}" if webui.dialect().administrators_read_chats else f"{PATH}/share/{chat}"))
