"""What a line of the gateway's log says, and what is done with bytes that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.usage.lines import LONGEST, LONGEST_TEXT, MOST, Request, lines, parse
from tests.unit.usage_samples import line


def test_every_member_is_kept() -> None:
    assert parse(line(1, via="_webui", error="x", estimated=True, complete=False)) == Request(
        id=f"{1:032x}",
        at=1796115600,
        participant="p01",
        via="_webui",
        method="POST",
        path="/v1/chat/completions",
        model="tiny",
        upstream="tiny",
        backend="tiny-1",
        attempts=1,
        status=200,
        error="x",
        prompt_tokens=10,
        completion_tokens=5,
        estimated=1,
        ttft_ms=250,
        complete=0,
        duration_ms=1500,
        bytes=600,
    )


def test_a_time_counts_with_its_offset() -> None:
    request = parse(line(1, time="2026-12-01T10:30:00+01:30"))
    assert request is not None
    assert request.at == 1796115600


@pytest.mark.parametrize(
    "members",
    [
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"time": None},
        {"time": "yesterday"},
        {"time": "2026-12-01T09:00:00"},
        {"time": 5},
        {"status": None},
        {"status": "200"},
        {"status": -1},
    ],
    ids=str,
)
def test_a_line_without_id_time_or_status_is_unreadable(members: dict[str, Any]) -> None:
    assert parse(line(1, **members)) is None


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"5", b'"x"', b"{}", b"\xff\xfe", b"[" * 100_000, b"{" * 9])
def test_what_is_no_line_is_unreadable(text: bytes) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("figure", [-1, MOST + 1, 10**30, 1e300, 0.5, True, "7", [7]])
def test_a_figure_that_nobody_can_believe_is_none_and_the_request_still_counts(figure: Any) -> None:
    request = parse(line(1, prompt_tokens=figure))
    assert request is not None
    assert request.prompt_tokens is None
    assert request.completion_tokens == 5


@pytest.mark.parametrize("seconds", [-1, True, "1", None, 1e300])
def test_a_duration_that_nobody_can_believe_is_none(seconds: Any) -> None:
    request = parse(line(1, ttft=seconds))
    assert request is not None
    assert request.ttft_ms is None


def test_a_hostile_model_name_is_text_that_can_be_kept() -> None:
    request = parse(line(1, model="\ud800" + "x" * 1000))
    assert request is not None
    assert request.model is not None
    assert len(request.model) == LONGEST_TEXT
    request.model.encode()  # raises where half a character is left


def test_a_line_of_a_newer_gateway_is_read() -> None:
    document = json.loads(line(1)) | {"something_new": 1}
    del document["attempts"]
    request = parse(json.dumps(document).encode())
    assert request is not None
    assert request.attempts is None


def test_the_unfinished_last_line_is_left_for_the_next_time() -> None:
    whole = line(1)
    assert [(one.end, one.unreadable) for one in lines([whole + line(2)[:-1]], 0)] == [(len(whole), False)]


def test_what_a_power_cut_left_does_not_cost_the_line_after_it() -> None:
    for torn in (line(1)[:40], b"\0" * 3000, b'{"time":"2026'):
        (found,) = lines([torn + line(2)], 100)
        assert found.request is not None
        assert found.request.id == f"{2:032x}"
        assert found.unreadable
        assert found.end == 100 + len(torn) + len(line(2))


def test_a_line_without_an_end_is_not_held_in_memory() -> None:
    pieces = [b"x" * LONGEST] * 5 + [b"x\n" + line(1)]
    first, second = lines(iter(pieces), 0)
    assert (first.end, first.text, first.request, first.unreadable) == (5 * LONGEST + 2, b"", None, True)
    assert second.request is not None
    assert second.end == first.end + len(line(1))


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(1, 40), st.integers(0, 1000))
def test_lines_end_where_they_end_however_the_bytes_come(texts: list[bytes], size: int, offset: int) -> None:
    data = b"\n".join(texts)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    found = list(lines(pieces, offset))
    assert b"".join(one.text + b"\n" for one in found) == data[: data.rfind(b"\n") + 1]
    assert [one.end for one in found] == [offset + end + 1 for end in range(len(data)) if data[end : end + 1] == b"\n"]
