"""Zones of the tz database, and what happens to clocks there in a year: found minute by minute, not as the program does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

ZONES = sorted(available_timezones())
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Near(NamedTuple):
    """A moment (UTC, whole minutes) about a change of clocks in a zone, or anywhere in a year that has none."""

    name: str
    moment: datetime

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.name)


def shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """What clocks there show, without an offset."""
    return moment.astimezone(zone).replace(tzinfo=None)


def offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return shown(moment, zone) - moment.replace(tzinfo=None)


@lru_cache
def changes(name: str, year: int) -> tuple[datetime, ...]:
    """The first minutes with another offset."""
    zone, first = ZoneInfo(name), datetime(year, 1, 1, tzinfo=UTC)
    days = [first + number * DAY for number in range(366)]
    return tuple(
        minute
        for day in days
        if offset(day, zone) != offset(day + DAY, zone)
        for minute in (day + number * MINUTE for number in range(1, 1441))
        if offset(minute, zone) != offset(minute - MINUTE, zone)
    )


@st.composite
def near_changes(draw: st.DrawFn) -> Near:
    name, year = draw(st.sampled_from(ZONES)), draw(st.integers(2000, 2060))
    found = changes(name, year) or (datetime(year, 7, 1, tzinfo=UTC),)
    return Near(name, draw(st.sampled_from(found)) + draw(st.integers(-150, 150)) * MINUTE)
