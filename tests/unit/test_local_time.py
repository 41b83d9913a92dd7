"""What clocks show, and which moments those are: in every zone of the tz database, about the changes of its clocks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.local_time import moments, offsets, unclear
from tests.unit.clock_changes import DAY, MINUTE, Near, near_changes, offset, shown

ZURICH = ZoneInfo("Europe/Zurich")
SPRING, AUTUMN = datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+(?:[+-][\d:]+)?")


def when_shown(clock: datetime, zone: ZoneInfo) -> list[datetime]:
    """By trying every offset of these days."""
    about = clock.replace(tzinfo=UTC)
    tried = {clock - offset(about + hours * timedelta(hours=1), zone) for hours in range(-72, 73)}
    return sorted(one for naive in tried if shown(one := naive.replace(tzinfo=UTC), zone) == clock)


@settings(deadline=None)
@given(near_changes(), st.integers(-90, 90))
@example(Near("Europe/Zurich", SPRING), 30)
@example(Near("Europe/Zurich", AUTUMN), 30)
@example(Near("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)), -15)  # by half an hour
@example(Near("Pacific/Apia", datetime(2011, 12, 30, 9, 59, tzinfo=UTC)), 600)  # a day that never was
@example(Near("America/St_Johns", datetime(2005, 10, 30, 2, 31, tzinfo=UTC)), -1)  # at a minute past midnight
def test_a_time_is_each_moment_at_which_clocks_show_it(near: Near, later: int) -> None:
    clock = shown(near.moment, near.zone) + later * MINUTE
    found = moments(clock, near.zone)
    assert [moment.astimezone(UTC) for moment in found] == when_shown(clock, near.zone)
    assert all(moment.replace(tzinfo=None) == clock for moment in found)
    wrong = unclear(clock, near.zone, near.name)
    assert (wrong is None) == (len(found) == 1)
    if wrong is not None and found:
        assert [datetime.fromisoformat(text) for text in WRITTEN.findall(wrong.hint)] == [*found]
    elif wrong is not None:
        before, after = (datetime.fromisoformat(text) for text in WRITTEN.findall(wrong.hint))
        assert before <= clock < after
        assert [len(when_shown(one, near.zone)) for one in (before - MINUTE, before, after)] == [1, 0, 1]


@settings(deadline=None)
@given(near_changes())
@example(Near("Europe/Zurich", AUTUMN))
def test_sums_are_of_moments_and_not_of_what_clocks_show(near: Near) -> None:
    for moment in moments(shown(near.moment, near.zone), near.zone):
        for hours in (-26, -1, 1, 26):
            later = moment + timedelta(hours=hours)
            assert later.timestamp() - moment.timestamp() == hours * 3600
            assert (later > moment) == (hours > 0)


@settings(deadline=None)
@given(near_changes(), st.integers(0, 400), st.integers(0, 400))
@example(Near("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)), 200, 300)
def test_every_offset_of_a_span_of_time_is_found(near: Near, before: int, after: int) -> None:
    first, last = near.moment - before * DAY, near.moment + after * DAY
    found = offsets(near.zone, int(first.timestamp()), int(last.timestamp()))
    assert found[0][0] == first.timestamp()
    for moment in (first, last, near.moment, near.moment - MINUTE, near.moment + MINUTE):
        if first <= moment <= last:
            (*_, there) = (seconds for since, seconds in found if since <= moment.timestamp())
            assert there == offset(moment, near.zone).total_seconds()
    assert all(one != other for (_, one), (_, other) in pairwise(found))


@pytest.fixture
def here_in_zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Zurich")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("here_in_zurich")
@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2027-03-28T02:30", []),
        ("2027-03-28T03:00", [SPRING]),
        ("2026-10-25T02:00", [AUTUMN - timedelta(hours=1), AUTUMN]),
        ("2026-10-25T03:00", [AUTUMN + timedelta(hours=1)]),
    ],
    ids=str,
)
def test_this_machines_own_clock_changes_too(written: str, at: list[datetime]) -> None:
    clock = datetime.fromisoformat(written)
    assert [*moments(clock, None)] == at
    assert (unclear(clock, None, "this machine's time zone") is None) == (len(at) == 1)
    assert offsets(None, int(SPRING.timestamp()) - 9, int(SPRING.timestamp()) + 9)[1:] == ((SPRING.timestamp(), 7200),)
