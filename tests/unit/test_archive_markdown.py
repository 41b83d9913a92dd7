"""A chat as Markdown: what was said, by whom and when, in the branch that stood on the page."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.archive.markdown import page


def message(key: str, parent: str | None, role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": key, "parentId": parent, "role": role, "content": content, "timestamp": 1_790_000_000, **more}


def chat(*messages: dict[str, Any], last: str | None, **more: Any) -> dict[str, Any]:
    history = {"messages": {one["id"]: one for one in messages}, "currentId": last}
    body = {"models": ["tiny"], "history": history}
    return {"id": "c", "title": "Sums", "created_at": 1_790_000_000, "updated_at": 1_790_000_060, "chat": body, **more}


def test_it_reads_as_the_conversation_did() -> None:
    told = page(
        chat(
            message("1", None, "user", "What is 1 + 1?"),
            message("2", "1", "assistant", "It is 2.\n\nReally.", model="tiny"),
            last="2",
        ),
        "p01 (Zoë)",
    )
    assert told.splitlines() == [
        "# Sums",
        "",
        "- Of: p01 (Zoë)",
        "- Begun: 2026-09-21 14:13 UTC",
        "- Last change: 2026-09-21 14:14 UTC",
        "- Models: tiny",
        "",
        "## user, 2026-09-21 14:13 UTC",
        "",
        "What is 1 + 1?",
        "",
        "## assistant (tiny), 2026-09-21 14:13 UTC",
        "",
        "It is 2.",
        "",
        "Really.",
    ]


def test_of_several_tries_the_chosen_one_is_shown_and_the_others_are_counted() -> None:
    told = page(
        chat(
            message("1", None, "user", "Hi"),
            message("2", "1", "assistant", "first try"),
            message("3", "1", "assistant", "second try"),
            last="3",
        ),
        "p01",
    )
    assert "second try" in told
    assert "first try" not in told
    assert "1 messages of other tries" in told


def test_files_that_lie_beside_it_are_links_and_no_name_breaks_out_of_one() -> None:
    ids = {number: f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3)}
    files = [
        {"type": "file", "id": ids[1], "name": "a](http://elsewhere.example)[.pdf"},
        {"type": "image", "url": f"/api/v1/files/{ids[2]}/content"},
        {"type": "file", "id": "0", "name": "gone.txt"},
    ]
    another = message("2", None, "user", "Another try", files=[{"id": ids[3], "name": "b.txt"}])
    links = {ids[1]: "files/a.pdf", ids[2]: "files/b.png", ids[3]: "files/b.txt"}
    told = page(chat(message("1", None, "user", "Look", files=files), another, last="1"), "p01", links)
    assert "\n[file: a\\](http://elsewhere.example)\\[.pdf](files/a.pdf)\n" in told
    assert "\n[image: without a name](files/b.png)\n" in told
    assert "\n[file: gone.txt]\n" in told
    assert "- More files: [b.txt](files/b.txt)\n" in told


def test_pictures_and_files_are_named() -> None:
    content = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "data:..."}}]
    told = page(chat(message("1", None, "user", content, files=[{"type": "file", "name": "a.pdf"}]), last="1"), "p01")
    assert "Look:\n\n[image_url]" in told
    assert "[file: a.pdf]" in told


def test_a_terminal_finds_nothing_to_obey() -> None:
    told = page(
        chat(message("1", None, "user", "\x1b[2Jgone\r\nnext\tcell"), last="1", title="\x1b]0;x\x07t"), "a\x1bb"
    )
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "[2Jgone\nnext\tcell" in told


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"chat": None},
        {"chat": {"history": {"messages": [], "currentId": 3}}},
        {"chat": {"history": {"messages": {"a": 1}, "currentId": "a"}}},
        {"chat": {"messages": [1, {"role": 2, "content": {"x": 1}, "timestamp": "soon", "files": [3]}]}},
        {"chat": {"models": "tiny"}, "title": 3, "created_at": 1e300},
        {"chat": {"history": {"messages": {"a": {"parentId": "a", "content": "round"}}, "currentId": "a"}}},
        {"created_at": float("nan")},
    ],
)
def test_whatever_a_program_stored_gives_a_page(strange: dict[str, Any]) -> None:
    assert page(strange, "p01").startswith("# ")


def test_a_chat_that_a_program_wrote_without_a_tree_is_read_from_its_list() -> None:
    assert "hello there" in page({"chat": {"messages": [{"role": "user", "content": "hello there"}]}}, "p01")
