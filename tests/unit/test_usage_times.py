"""Times that `workshop usage` is given and shows: those of the workshop's clocks, also where these change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.usage.collect import collect_file
from orchestrator.usage.store import UsageStore, usage_file
from tests.unit.command_line import ask
from tests.unit.spec_samples import VALID
from tests.unit.usage_samples import Held, line

REQUESTS = ("2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30")  # UTC: 1:30 to 3:30 there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A class in Zurich that was asked once an hour in the night in which clocks go back."""
    file = tmp_path / "workshop.yaml"
    file.write_text(VALID + "timezone: Europe/Zurich\n", encoding="utf-8")
    state = StateFolder.for_spec(file, "class")
    with State.open(state) as opened:
        deployment = opened.begin("class", file).deployment_id
    with UsageStore.open(usage_file(state, deployment)) as store:
        times = enumerate(REQUESTS)
        collect_file(store, Held(b"".join(line(number, time=f"{time}:00+00:00") for number, time in times)))
    return tmp_path


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize(
    ("time", "message", "hint"),
    [
        (
            "2026-10-25T02:30",
            "2026-10-25T02:30 comes twice in Europe/Zurich",
            "Write 2026-10-25T02:30+02:00 for the first one, or 2026-10-25T02:30+01:00",
        ),
        (
            "2027-03-28T02:30",
            "2027-03-28T02:30 does not exist in Europe/Zurich: clocks are put forward then",
            "Write a time before 2027-03-28T02:00, or 2027-03-28T03:00 or later",
        ),
    ],
)
def test_a_time_that_is_not_one_moment_is_refused(
    folder: Path, option: str, time: str, message: str, hint: str
) -> None:
    answer = ask(folder, "usage", "--no-collect", option, time, "--output", "json")
    assert answer.returncode == 1
    error = json.loads(answer.stdout)["error"]
    assert (error["code"], error["message"], error["hint"]) == ("time_unclear", f"{option}: {message}", hint)


@pytest.mark.parametrize(
    ("since", "requests"),
    [("2026-10-25T01:59", 3), ("2026-10-25T02:31+02:00", 2), ("2026-10-25T02:31+01:00", 1), ("2026-10-25T03:00", 1)],
)
def test_since_is_of_the_clocks_there(folder: Path, since: str, requests: int) -> None:
    answer = ask(folder, "usage", "--no-collect", "--since", since, "--output", "json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["total"]["requests"] == requests


def test_an_hour_that_comes_twice_is_shown_with_its_offset_and_no_other(folder: Path) -> None:
    answer = ask(folder, "usage", "--no-collect", "--by", "hour")
    assert answer.returncode == 0, answer.stderr
    assert [row.split("  ")[0] for row in answer.stdout.splitlines() if row.startswith("2026")] == [
        "2026-10-25 01:00",
        "2026-10-25 02:00+02:00",
        "2026-10-25 02:00+01:00",
        "2026-10-25 03:00",
    ]
