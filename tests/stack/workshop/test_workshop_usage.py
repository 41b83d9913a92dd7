"""`workshop usage`: who asked how much, through the program as its user meets it."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.stack.workshop.bed import Workshop, ask, llama
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("one more class for its figures; test_gateway_usage collects those of a real gateway")


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    made = make_workshop(
        "usage",
        participants={"roster": "people.csv"},
        models=[llama("tiny"), llama("other")],
        limits={"requests_per_minute": 1000},
        timezone="Asia/Kolkata",
    )
    made.roster(("Ada", "ada@x.org", "red"), ("=1+1", "bob@x.org", "blue"), ("Cy", "cy@x.org", "red"))
    made.provision()
    return made


def usage(workshop: Workshop, *options: str, code: int = 0) -> dict[str, Any]:
    return dict(workshop.workshop("usage", "--output", "json", *options, code=code).json)


def usage_of(workshop: Workshop, requests: int) -> dict[str, Any]:
    """Once so many are in the log: a line is written a moment after its answer."""

    def found() -> dict[str, Any] | None:
        seen = usage(workshop)
        return seen if seen["total"]["requests"] >= requests else None

    return eventually(found)


@pytest.fixture(scope="module")
def before(workshop: Workshop) -> dict[str, Any]:
    """What `provision` itself left in the log when it tried wrong keys and one right one."""
    return usage(workshop)


@pytest.fixture(scope="module")
def asked(workshop: Workshop, before: dict[str, Any]) -> dict[str, Any]:
    """Ada asked both models, the second person one, somebody with a wrong key none."""
    ada, bob = (workshop.client(workshop.person(participant)) for participant in ("p01", "p02"))
    for model in ("tiny", "tiny", "other"):
        ask(ada, model)
    ask(bob, "tiny")
    requests.post(f"{workshop.api}/v1/chat/completions", json={}, headers={"Authorization": "Bearer no"}, timeout=60)
    return usage_of(workshop, before["total"]["requests"] + 5)


def answered(seen: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in seen["rows"] if row["completion_tokens"]]


def test_it_says_who_asked_how_much(workshop: Workshop, before: dict[str, Any], asked: dict[str, Any]) -> None:
    rows = [(row["participant"], row["name"], row["team"], row["model"], row["requests"]) for row in answered(asked)]
    assert (asked["workshop"], asked["ok"], asked["problem"]) == (workshop.name, True, None)
    assert rows == [
        ("p01", "Ada", "red", "other", 1),
        ("p01", "Ada", "red", "tiny", 2),
        ("p02", "=1+1", "blue", "tiny", 1),
    ]
    assert all(row["prompt_tokens"] > 0 and row["ttft_p50"] >= 0 for row in answered(asked))
    assert answered(before) == []
    assert asked["total"]["requests"] == before["total"]["requests"] + 5
    (nobody,) = (row for row in asked["rows"] if row["participant"] is None)
    assert (nobody["name"], nobody["model"], nobody["prompt_tokens"], nobody["ttft_p50"]) == (None, None, 0, None)
    reasons = (asked["total"]["refused_by_reason"], before["total"]["refused_by_reason"])
    assert reasons[0]["invalid_api_key"] == reasons[1]["invalid_api_key"] + 1


def test_a_second_look_counts_nothing_twice(workshop: Workshop, asked: dict[str, Any]) -> None:
    again = usage(workshop)
    assert (again["collected"], again["rows"], again["total"]) == (0, asked["rows"], asked["total"])
    assert usage(workshop, "--no-collect")["collected"] is None


def test_what_verify_asked_is_shown_only_when_asked_for(workshop: Workshop, asked: dict[str, Any]) -> None:
    everything = usage(workshop, "--by", "participant", "--all")
    own = [row for row in everything["rows"] if str(row["participant"]).startswith("_")]
    assert own
    assert everything["total"]["requests"] == asked["total"]["requests"] + sum(row["requests"] for row in own)


def test_by_team_and_hour_and_since(workshop: Workshop, asked: dict[str, Any]) -> None:
    teams = usage(workshop, "--by", "team", "--by", "model")
    assert [(row["team"], row["model"], row["requests"]) for row in answered(teams)] == [
        ("blue", "tiny", 1),
        ("red", "other", 1),
        ("red", "tiny", 2),
    ]
    hours = usage(workshop, "--by", "hour")["rows"]
    assert all(row["hour"].endswith(":00:00+05:30") for row in hours)
    assert usage(workshop, "--until", "1h")["rows"] == []
    assert usage(workshop, "--since", "1h")["total"] == asked["total"]
    assert "not a time" in workshop.workshop("usage", "--since", "soon", code=2).err


def test_the_table_and_the_csv_are_for_people(workshop: Workshop, asked: dict[str, Any]) -> None:
    ran = workshop.workshop("usage", "--csv", "usage.csv")
    lines = ran.out.splitlines()
    assert lines[0].split()[:4] == ["participant", "name", "model", "requests"]
    assert lines[1].split()[:4] == ["p01", "Ada", "other", "1"]
    total = next(line for line in lines if line.startswith("total "))
    assert total.split()[1] == str(asked["total"]["requests"])
    assert f"{asked['total']['refused_by_reason']['invalid_api_key']}  invalid_api_key" in ran.out
    with (workshop.folder / "usage.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["requests"]) for row in rows if row["completion_tokens"] != "0"] == [
        ("Ada", "1"),
        ("Ada", "2"),
        ("'=1+1", "1"),
    ]


def test_no_key_and_no_prompt_is_kept(workshop: Workshop, asked: dict[str, Any]) -> None:
    (file,) = (workshop.state / "usage").glob("*.sqlite3")
    content = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"Hello" not in content
    assert all(person["api_key"].encode() not in content for person in workshop.people())


def test_a_stopped_gateway_is_read_and_a_missing_one_is_no_trouble(workshop: Workshop, asked: dict[str, Any]) -> None:
    ask(workshop.client(workshop.person("p03")), "tiny")
    gateway = workshop.container("gateway")
    gateway.stop()
    try:
        stopped = usage(workshop)
    finally:
        gateway.start()
    assert (stopped["collected"], stopped["total"]["requests"]) == (1, asked["total"]["requests"] + 1)
    unreachable = workshop.run(
        *("workshop", "usage", str(workshop.file), "--output", "json"), code=3, DOCKER_HOST="unix:///nowhere.sock"
    ).json
    assert (unreachable["ok"], unreachable["problem"]["code"]) == (False, "docker_unreachable")
    assert unreachable["total"] == stopped["total"]


def test_teardown_collects_the_last_requests_and_they_can_still_be_looked_at(workshop: Workshop) -> None:
    before = usage(workshop)["total"]["requests"]
    eventually(lambda: requests.get(f"{workshop.api}/healthz", timeout=5).status_code == 200 or None)
    ask(workshop.client(workshop.person("p01")), "tiny")
    workshop.workshop("teardown", "--yes")

    after = usage(workshop, "--by", "participant")

    assert (after["ok"], after["collected"]) == (True, None)
    assert after["total"]["requests"] == before + 1
    assert [(row["participant"], row["name"], row["team"]) for row in after["rows"]] == [
        ("p01", None, "red"),
        ("p02", None, "blue"),
        ("p03", None, "red"),
        (None, None, None),
    ]
    assert {path.name for path in workshop.state.iterdir()} == {".gitignore", "lock", "teardowns.jsonl", "usage"}


def test_a_workshop_that_was_never_there_is_one_line(make_workshop: Callable[..., Workshop]) -> None:
    workshop = make_workshop("never-used")
    assert "not provisioned yet" in workshop.workshop("usage", code=1).line
    assert not workshop.state.exists()


def test_a_new_class_of_the_same_name_begins_at_nothing(make_workshop: Callable[..., Workshop]) -> None:
    """Its p01 is somebody else."""
    workshop = make_workshop("again")
    workshop.provision()
    ask(workshop.client(workshop.person("p01")), "tiny")
    eventually(lambda: answered(usage(workshop)) or None)
    workshop.workshop("teardown", "--yes")
    workshop.provision()

    assert answered(usage(workshop)) == []
    files = list((workshop.state / "usage").glob("*.sqlite3"))
    assert len(files) == 2
    for file in files:
        assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert json.loads((workshop.state / "teardowns.jsonl").read_text(encoding="utf-8"))["deployment_id"] in {
        file.stem for file in files
    }
