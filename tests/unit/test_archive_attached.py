"""Which files a chat names: by ids alone, as an id becomes part of a request that the administrator makes."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.archive.attached import Attached, attached, file_id

ID, OTHER = "3f6a1e0c-0000-4000-8000-0123456789ab", "3f6a1e0c-0000-4000-8000-0123456789ac"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "file", "id": ID},
        {"type": "file", "id": None, "file": {"id": ID}},
        {"type": "image", "url": ID},
        {"type": "image", "url": f"/api/v1/files/{ID}/content"},
        {"type": "image", "url": f"https://chat.example.org/api/v1/files/{ID}"},
        {"url": f"/api/v1/files/{ID}/content/a.png"},
    ],
)
def test_a_file_is_known_in_each_form_in_which_a_page_ever_stored_one(item: dict[str, Any]) -> None:
    assert file_id(item) == ID


@pytest.mark.parametrize(
    "item",
    [
        None,
        "text",
        {},
        {"type": "collection", "id": ID},
        {"type": "image", "url": "data:image/png;base64,AAAA"},
        {"type": "text", "url": "https://example.org/page"},
        {"id": f"../{ID}"},
        {"id": f"{ID}/../../users"},
        {"id": f"{ID}?x=1"},
        {"id": f"{ID}\n"},
        {"id": {"id": ID}},
        {"url": f"https://example.org/{ID}"},
    ],
)
def test_nothing_else_is(item: object) -> None:
    assert file_id(item) is None


def test_files_of_every_try_and_of_the_chat_itself_are_named_once() -> None:
    messages = {
        "1": {"files": [{"id": ID, "name": "a.pdf"}, {"id": ID, "name": "again"}]},
        "2": {"files": [{"id": OTHER}]},
        "3": "no message",
        "4": {"files": "no list"},
    }
    chat = {"chat": {"history": {"messages": messages}, "messages": [messages["1"]], "files": [{"id": ID}]}}
    assert list(attached(chat)) == [Attached(ID, "a.pdf"), Attached(OTHER, "")]


@pytest.mark.parametrize("chat", [{}, {"chat": None}, {"chat": {"history": []}}, {"chat": {"files": {}}}])
def test_a_chat_of_another_form_names_none(chat: dict[str, Any]) -> None:
    assert list(attached(chat)) == []
