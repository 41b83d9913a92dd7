"""What clocks show, and which moments those are where clocks change. Pure, but for this machine's own zone.

A zone of None is this machine's. What comes back has a fixed offset: of two times in one ZoneInfo, Python compares what
the clocks show, and it is to that that it adds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

DAY = 24 * 3600


class Unclear(NamedTuple):
    """Why what a clock shows is not one moment, and what to write instead."""

    message: str
    hint: str


def moments(shown: datetime, zone: tzinfo | None) -> tuple[datetime, ...]:
    """When clocks there show this time, which is without an offset: never if they skip it, twice if they go back."""
    found = {}
    for fold in (0, 1):  # PEP 495: before a change, and after it
        moment = shown.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        there = _there(moment, zone)
        if there.replace(tzinfo=None) == shown:
            found[moment] = there
    return tuple(found.values())


def unclear(shown: datetime, zone: tzinfo | None, called: str) -> Unclear | None:
    """None for a time that is one moment there; `called` is the zone in words."""
    found = moments(shown, zone)
    if not found:
        begins, ends = (_written(edge) for edge in _gap(shown, zone))
        return Unclear(
            f"{_written(shown)} does not exist in {called}: clocks are put forward then",
            f"Write a time before {begins}, or {ends} or later",
        )
    if len(found) == 1:
        return None
    first, second = (_written(moment) for moment in found)
    return Unclear(f"{_written(shown)} comes twice in {called}", f"Write {first} for the first one, or {second}")


def offsets(zone: tzinfo | None, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Each offset there from `first` to `last`, in seconds, behind the epoch second with which it begins or `first`."""
    found = [(first, _offset(first, zone))]
    for day in range(first, last, DAY):  # no zone changes twice in a day
        end = min(day + DAY, last)
        if _offset(end, zone) != found[-1][1]:
            found.append((_change(zone, day, end), _offset(end, zone)))
    return tuple(found)


def _there(moment: datetime, zone: tzinfo | None) -> datetime:
    there = moment.astimezone(zone)
    return there.replace(tzinfo=timezone(there.utcoffset() or timedelta()), fold=0)


def _gap(shown: datetime, zone: tzinfo | None) -> tuple[datetime, datetime]:
    """The first time that clocks skip around this one, and the first that they show again."""
    late, early = (int(shown.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    change = datetime.fromtimestamp(_change(zone, early, late), UTC).replace(tzinfo=None)
    return change + timedelta(seconds=_offset(early, zone)), change + timedelta(seconds=_offset(late, zone))


def _change(zone: tzinfo | None, before: int, after: int) -> int:
    """The second with which the offset of `after` begins; both in epoch seconds, with one change between them."""
    old = _offset(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(seconds: int, zone: tzinfo | None) -> int:
    there = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    return int((there.utcoffset() or timedelta()).total_seconds())


def _written(time: datetime) -> str:
    return time.isoformat(timespec="auto" if time.second or time.microsecond else "minutes")
