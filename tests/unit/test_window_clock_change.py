"""The hours of a class about a change of clocks: reckoned in UTC, refused where they are not one moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.local_time import moments
from orchestrator.plan.policy import window
from orchestrator.spec.workshop import Workshop
from tests.unit.clock_changes import MINUTE, Near, near_changes, shown
from tests.unit.spec_samples import VALID, problems_of, spec_of, told

SPRING = "timezone: Europe/Zurich\nopens: 2027-03-28T03:10\ncloses: 2027-03-28T12:00\n"
GRACE = st.integers(0, 1440)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def as_written(moment: datetime, near: Near) -> str:
    """As somebody would write it there: with an offset where it needs one."""
    clock = shown(moment, near.zone)
    return (clock if len(moments(clock, near.zone)) == 1 else moment.astimezone(near.zone)).isoformat()


def workshop(near: Near, opens: datetime, closes: datetime, **more: Any) -> Workshop:
    return Workshop.model_validate(
        {
            "name": "class",
            "title": "A class",
            "participants": {"count": 1},
            "models": [{"name": "m", "engine": "ollama", "source": "x"}],
            "timezone": near.name,
            "opens": as_written(opens, near),
            "closes": as_written(closes, near),
            **more,
        }
    )


def test_grace_before_a_class_that_opens_as_clocks_go_forward_is_minutes(tmp_path: Path) -> None:
    found = window(spec_of(tmp_path, VALID + SPRING + "grace: {before: 15}\n").workshop)
    assert found.opens == epoch("2027-03-28T00:55Z")
    assert found.opens_text == "Sunday 28 March 2027, 03:10 (UTC+02:00)"


@pytest.mark.parametrize(("given", "closed"), [("+02:00", "01:00"), ("+01:00", "02:00")])
def test_grace_after_a_class_that_closes_as_clocks_go_back_is_minutes(tmp_path: Path, given: str, closed: str) -> None:
    times = f"timezone: Europe/Zurich\nopens: 2026-10-24T20:00\ncloses: 2026-10-25T02:30{given}\ngrace: {{after: 30}}\n"
    found = window(spec_of(tmp_path, VALID + times).workshop)
    assert found.closes == epoch(f"2026-10-25T{closed}Z")
    assert found.closes_text == f"Sunday 25 October 2026, 02:30 (UTC{given})"


@pytest.mark.parametrize(
    ("opens", "closes", "grace", "begins", "ends"),
    [
        ("03:10", "23:00", "before: 180", "2026-10-24T23:10Z", "2026-10-25T22:00Z"),
        ("00:10", "01:50", "after: 180", "2026-10-24T22:10Z", "2026-10-25T02:50Z"),
    ],
)
def test_grace_that_reaches_over_the_change_is_minutes_too(
    tmp_path: Path, opens: str, closes: str, grace: str, begins: str, ends: str
) -> None:
    times = f"timezone: Europe/Zurich\nopens: 2026-10-25T{opens}\ncloses: 2026-10-25T{closes}\ngrace: {{{grace}}}\n"
    found = window(spec_of(tmp_path, VALID + times).workshop)
    assert (found.opens, found.closes) == (epoch(begins), epoch(ends))


def test_an_offset_with_seconds_is_whole_on_the_cards(tmp_path: Path) -> None:
    times = "opens: 2026-12-01T08:30:00+01:00:30\ncloses: 2026-12-01T17:30Z\n"
    found = window(spec_of(tmp_path, VALID + times).workshop)
    assert found.opens_text == "Tuesday 1 December 2026, 08:30 (UTC+01:00:30)"


SKIPPED = (
    "workshop.yaml:9:8: opens: 2027-03-28T02:30 does not exist in Europe/Zurich: clocks are put forward then."
    " Write a time before 2027-03-28T02:00, or 2027-03-28T03:00 or later"
)
REPEATED = (
    "workshop.yaml:10:9: closes: 2026-10-25T02:30 comes twice in Europe/Zurich."
    " Write 2026-10-25T02:30+02:00 for the first one, or 2026-10-25T02:30+01:00"
)
SKIPPED_DAY = (
    "workshop.yaml:9:8: opens: 2011-12-30T09:00 does not exist in Pacific/Apia: clocks are put forward then."
    " Write a time before 2011-12-30T00:00, or 2011-12-31T00:00 or later"
)
WITH_SECONDS = (
    "workshop.yaml:10:9: closes: 2012-04-01T03:15:30 comes twice in Pacific/Apia."
    " Write 2012-04-01T03:15:30+14:00 for the first one, or 2012-04-01T03:15:30+13:00"
)


@pytest.mark.parametrize(
    ("zone", "opens", "closes", "lines"),
    [
        ("Europe/Zurich", "2027-03-28T02:30", "2027-03-28T12:00", [SKIPPED]),
        ("Europe/Zurich", "2026-10-24T20:00", "2026-10-25T02:30", [REPEATED]),
        ("Pacific/Apia", "2011-12-30T09:00", "2012-04-01T03:15:30", [SKIPPED_DAY, WITH_SECONDS]),
    ],
)
def test_a_time_that_is_not_one_moment_is_refused_where_it_stands(
    tmp_path: Path, zone: str, opens: str, closes: str, lines: list[str]
) -> None:
    text = VALID + f"timezone: {zone}\nopens: {opens}\ncloses: {closes}\n"
    assert told(tmp_path, text) == lines
    assert {problem.code for problem in problems_of(tmp_path, text)} == {"spec_invalid"}


def test_an_offset_of_its_own_goes_before_the_time_zone(tmp_path: Path) -> None:
    times = "timezone: Europe/Zurich\nopens: 2026-10-25T02:50+02:00\ncloses: 2026-10-25T02:10+01:00\n"
    assert spec_of(tmp_path, VALID + times).workshop.window == (
        datetime(2026, 10, 25, 0, 50, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 10, tzinfo=UTC),
    )


@settings(deadline=None)
@given(near_changes(), st.integers(1, 5000), GRACE, GRACE)
@example(Near("Europe/Zurich", datetime(2027, 3, 28, 1, 10, tzinfo=UTC)), 600, 15, 0)
@example(Near("Europe/Zurich", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)), 120, 0, 30)
def test_keys_work_from_so_many_minutes_before_to_so_many_after_in_every_zone(
    near: Near, minutes: int, before: int, after: int
) -> None:
    opens, closes = near.moment, near.moment + minutes * MINUTE
    found = window(workshop(near, opens, closes, grace={"before": before, "after": after}))
    assert found.opens == opens.timestamp() - before * 60
    assert found.closes == closes.timestamp() + after * 60
    assert f"{shown(opens, near.zone):%H:%M} (UTC{opens.astimezone(near.zone).isoformat()[-6:]})" in found.opens_text


@settings(deadline=None)
@given(near_changes(), st.integers(-90, 90))
@example(Near("Europe/Zurich", datetime(2026, 10, 25, 0, 50, tzinfo=UTC)), 20)
def test_closes_is_later_than_opens_whatever_clocks_show(near: Near, minutes: int) -> None:
    closes = near.moment + timedelta(minutes=minutes)
    if minutes > 0:
        assert workshop(near, near.moment, closes).window == (near.moment, closes)
    else:
        with pytest.raises(ValidationError):
            workshop(near, near.moment, closes)
