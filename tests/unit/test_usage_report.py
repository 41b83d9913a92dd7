"""What was collected, added up: tokens, refusals, errors and waiting times, by whatever was asked for."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.usage.collect import collect_file
from orchestrator.usage.report import By, Question, Row, report
from orchestrator.usage.store import UsageStore
from orchestrator.usage.table import COLUMNS, report_csv, write_csv
from tests.unit.clock_changes import MINUTE, Near, near_changes, offset, shown
from tests.unit.usage_samples import Held, line

NAMES = {"p01": "Ada", "p02": "Bob", "p10": None}
TEAMS = {"p01": "red", "p02": "blue", "p10": "red"}
Ask = Callable[..., tuple[Row, ...]]
Log = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UsageStore]:
    with UsageStore.open(tmp_path / "usage.sqlite3") as opened:
        opened.put_teams(TEAMS)
        yield opened


@pytest.fixture
def log(store: UsageStore) -> Log:
    """Collect one line more."""
    numbers = count(1)

    def add(**members: Any) -> None:
        collect_file(store, Held(line(next(numbers), **members)))

    return add


@pytest.fixture
def ask(store: UsageStore) -> Ask:
    def asked(*by: By, **more: Any) -> tuple[Row, ...]:
        return report(store, Question(by=by, names=NAMES, zone=UTC, **more))

    return asked


def test_nothing_collected_is_no_row_and_a_total_of_zeros(ask: Ask) -> None:
    assert ask(By.PARTICIPANT) == ()
    (total,) = ask()
    assert (total.requests, total.prompt_tokens, total.refused_by_reason, total.ttft_p50) == (0, 0, {}, None)


def test_tokens_are_added_up_for_each_participant_and_model(log: Log, ask: Ask) -> None:
    log()
    log(prompt_tokens=1, completion_tokens=None, estimated=True)
    log(model="big", completion_tokens=7)
    log(participant="p02")

    rows = ask(By.PARTICIPANT, By.MODEL)

    assert [(row.participant, row.name, row.team, row.model) for row in rows] == [
        ("p01", "Ada", "red", "big"),
        ("p01", "Ada", "red", "tiny"),
        ("p02", "Bob", "blue", "tiny"),
    ]
    assert [(r.requests, r.prompt_tokens, r.completion_tokens, r.estimated) for r in rows] == [
        (1, 10, 7, 0),
        (2, 11, 5, 1),
        (1, 10, 5, 0),
    ]


def test_teams_are_those_of_the_participants_today(log: Log, ask: Ask) -> None:
    for who in ("p01", "p02", "p10", "p99", None):
        log(participant=who)
    rows = ask(By.TEAM)
    assert [(row.team, row.requests, row.participant) for row in rows] == [
        ("blue", 1, None),
        ("red", 2, None),
        (None, 2, None),
    ]


def test_participants_come_in_the_order_of_their_numbers(log: Log, ask: Ask) -> None:
    for who in ("p10", None, "p9", "p100", "p01"):
        log(participant=who)
    assert [row.participant for row in ask(By.PARTICIPANT)] == ["p01", "p9", "p10", "p100", None]


def test_refusals_are_told_apart_from_errors_and_from_aborts(log: Log, ask: Ask) -> None:
    log(status=429, error="rate_limit_exceeded")
    log(status=429, error="rate_limit_exceeded")
    log(status=401, error="invalid_api_key", participant=None)
    log(status=503, error="model_unavailable")
    log(status=400)  # the model server's own
    log(status=499, complete=False, ttft=None)
    log(complete=False)
    log()

    (total,) = ask()

    assert total.requests == 8
    assert total.refused == 3
    assert list(total.refused_by_reason.items()) == [("rate_limit_exceeded", 2), ("invalid_api_key", 1)]
    assert (total.errors, total.aborted) == (2, 2)
    ada, nobody = ask(By.PARTICIPANT)
    assert nobody.refused_by_reason == {"invalid_api_key": 1}
    assert ada.refused_by_reason == {"rate_limit_exceeded": 2}


def test_a_name_that_is_no_model_is_not_listed_as_one(log: Log, ask: Ask) -> None:
    log()
    for name in ("gpt-4", "\x1b[2J"):
        log(model=name, status=404, error="model_not_found")
    assert [(row.model, row.requests) for row in ask(By.MODEL)] == [("tiny", 1), (None, 2)]


def test_waiting_times_are_nearest_ranks(log: Log, ask: Ask) -> None:
    for number in range(1, 101):
        log(ttft=number / 100, model="a")
    for time in (3, 1, 2):
        log(ttft=time, model="b")
    log(ttft=None, model="c")

    a, b, c = ask(By.MODEL)

    assert (a.ttft_p50, a.ttft_p95) == (0.5, 0.95)
    assert (b.ttft_p50, b.ttft_p95) == (2, 3)
    assert (c.ttft_p50, c.ttft_p95) == (None, None)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        (UTC, [("2026-12-01T09:00:00+00:00", 2), ("2026-12-01T10:00:00+00:00", 1)]),
        (ZoneInfo("Europe/Zurich"), [("2026-12-01T10:00:00+01:00", 2), ("2026-12-01T11:00:00+01:00", 1)]),
        (ZoneInfo("Asia/Kolkata"), [("2026-12-01T14:00:00+05:30", 1), ("2026-12-01T15:00:00+05:30", 2)]),
    ],
    ids=str,
)
def test_hours_begin_where_the_workshop_is(
    store: UsageStore, log: Log, zone: ZoneInfo, hours: list[tuple[str, int]]
) -> None:
    for time in ("09:00:00", "09:59:59", "10:00:00"):
        log(time=f"2026-12-01T{time}+00:00")
    rows = report(store, Question(by=(By.HOUR,), names={}, zone=zone))
    assert [(row.hour, row.requests) for row in rows] == hours


@pytest.mark.parametrize(
    ("zone", "times", "hours"),
    [
        (
            "Europe/Zurich",
            ("2026-10-24T23:59", "2026-10-25T00:00", "2026-10-25T00:59", "2026-10-25T01:00", "2026-10-25T02:00"),
            [
                ("2026-10-25T01:00:00+02:00", 1),
                ("2026-10-25T02:00:00+02:00", 2),
                ("2026-10-25T02:00:00+01:00", 1),
                ("2026-10-25T03:00:00+01:00", 1),
            ],
        ),
        (  # clocks go back from 2:00 to 1:30; in summer its hours begin with those of UTC, in winter on the half
            "Australia/Lord_Howe",
            ("2026-04-04T14:20", "2026-04-04T14:59", "2026-04-04T15:10", "2026-04-04T15:40", "2026-07-01T00:45"),
            [
                ("2026-04-05T01:00:00+11:00", 2),
                ("2026-04-05T01:30:00+10:30", 1),
                ("2026-04-05T02:00:00+10:30", 1),
                ("2026-07-01T11:00:00+10:30", 1),
            ],
        ),
    ],
    ids=str,
)
def test_hours_are_those_that_clocks_showed_at_the_request(
    store: UsageStore, log: Log, zone: str, times: tuple[str, ...], hours: list[tuple[str, int]]
) -> None:
    for time in times:
        log(time=f"{time}:00+00:00")
    rows = report(store, Question(by=(By.HOUR,), names={}, zone=ZoneInfo(zone)))
    assert [(row.hour, row.requests) for row in rows] == hours


@settings(deadline=None)
@given(near_changes(), st.lists(st.integers(-300, 300), min_size=1, max_size=5, unique=True))
@example(Near("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)), [-20, 10, 40])
@example(Near("America/Moncton", datetime(2000, 4, 2, 4, 1, tzinfo=UTC)), [0])
@example(Near("America/St_Johns", datetime(2005, 4, 3, 3, 31, tzinfo=UTC)), [-2, -1, 0, 1])
def test_every_request_is_in_the_hour_that_clocks_showed_in_every_zone(near: Near, minutes: list[int]) -> None:
    asked = [near.moment + minute * MINUTE for minute in sorted(minutes)]
    with tempfile.TemporaryDirectory() as folder, UsageStore.open(Path(folder) / "usage.sqlite3") as store:
        collect_file(store, Held(b"".join(line(n, time=one.isoformat()) for n, one in enumerate(asked))))
        rows = report(store, Question(by=(By.HOUR,), names={}, zone=near.zone))
    begun = [datetime.fromisoformat(str(row.hour)) for row in rows]
    assert sum(row.requests for row in rows) == len(asked)
    for one in asked:
        begins = max(hour for hour in begun if hour <= one)
        assert shown(one, near.zone).replace(minute=0) == shown(begins, near.zone).replace(minute=0)
        assert begins.utcoffset() == offset(one, near.zone)
        assert begins.minute == 0 or offset(begins.astimezone(UTC) - MINUTE, near.zone) != begins.utcoffset()


def test_since_and_until_bound_what_is_counted(log: Log, ask: Ask) -> None:
    for minute in (0, 10, 20):
        log(time=f"2026-12-01T09:{minute:02}:00+00:00", prompt_tokens=minute)
    ten, twenty = datetime(2026, 12, 1, 9, 10, tzinfo=UTC), datetime(2026, 12, 1, 9, 20, tzinfo=UTC)
    assert ask(since=ten)[0].prompt_tokens == 30
    assert ask(until=twenty)[0].prompt_tokens == 10
    assert ask(since=ten, until=twenty)[0].requests == 1


def test_what_the_program_itself_asked_is_kept_apart(log: Log, ask: Ask) -> None:
    for who in ("_verify", "_verify-staff", "_webui", "_instructor", "_rehearse-1", "p01", None):
        log(participant=who)
    assert ask()[0].requests == 2
    assert [row.participant for row in ask(By.PARTICIPANT)] == ["p01", None]
    assert ask(own=True)[0].requests == 7


def test_open_webuis_requests_count_for_the_person_who_made_them(log: Log, ask: Ask) -> None:
    log()
    log(via="_webui", completion_tokens=50)
    assert ask(By.PARTICIPANT)[0].completion_tokens == 55
    assert [(row.via, row.requests, row.completion_tokens) for row in ask(By.VIA)] == [("api", 1, 5), ("webui", 1, 50)]


def test_by_backend_shows_how_the_work_was_spread(log: Log, ask: Ask) -> None:
    for backend in ("tiny-1", "tiny-2", "tiny-2", None):
        log(backend=backend)
    assert [(row.backend, row.requests) for row in ask(By.BACKEND)] == [("tiny-1", 1), ("tiny-2", 2), (None, 1)]


def test_a_class_that_is_over_has_teams_and_no_names(store: UsageStore, log: Log) -> None:
    log()
    for by in ((By.PARTICIPANT, By.TEAM), (By.PARTICIPANT,)):
        (row,) = report(store, Question(by=by, names={}))
        assert (row.participant, row.name, row.team) == ("p01", None, "red")


def test_somebody_who_changes_teams_takes_everything_along(store: UsageStore, log: Log, ask: Ask) -> None:
    log()
    store.put_teams({"p01": "blue"})
    assert [row.team for row in ask(By.TEAM)] == ["blue"]
    store.put_teams({})
    assert [row.team for row in ask(By.TEAM)] == [None]


def test_huge_figures_do_not_overflow(log: Log, ask: Ask) -> None:
    for _ in range(20):
        log(prompt_tokens=10**12)
    assert ask()[0].prompt_tokens == 20 * 10**12


def test_csv_has_every_column_and_no_formula(log: Log, ask: Ask, store: UsageStore) -> None:
    log(status=429, error="b", model="=HYPERLINK(1)")
    log(status=429, error="a", model="=HYPERLINK(1)")
    text = report_csv(ask(By.MODEL)).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(row) == COLUMNS == tuple(field.name for field in fields(Row))
    assert row["model"] == "'=HYPERLINK(1)"
    assert (row["requests"], row["refused_by_reason"], row["participant"]) == ("2", "a=1 b=1", "")


def test_a_csv_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        write_csv(tmp_path / "nowhere" / "usage.csv", ())
    assert refused.value.code == "csv_not_written"
