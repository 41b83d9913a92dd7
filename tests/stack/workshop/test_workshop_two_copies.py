"""Two copies of one state: the older one changes nothing at the gateway, says who is ahead, and takes the newer one in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.stack.workshop.bed import Workshop

pytestmark = pytest.mark.full("one more class; tests/unit/test_participants_live has a gateway that is ahead")

PASSPHRASE = "eight-words-would-be-better-than-these"


@pytest.fixture(scope="module")
def first(make_workshop: Callable[..., Workshop]) -> Workshop:
    made = make_workshop("copies", participants={"count": 4})
    made.provision()
    return made


@pytest.fixture(scope="module")
def cards(first: Workshop) -> dict[str, dict[str, Any]]:
    return {person["id"]: person for person in first.people()}


@pytest.fixture(scope="module")
def second(first: Workshop, cards: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Another laptop with a copy of folder and state, which has rotated p02 and revoked p04."""
    folder = tmp_path_factory.mktemp("laptop") / "class"
    shutil.copytree(first.folder, folder, ignore=shutil.ignore_patterns("stack", "tmp"))
    other = Workshop(folder, json.loads(json.dumps(first.spec)), first.engine)
    other.environment["WORKSHOP_STACK_DIR"] = str(first.folder / "stack")
    for command, who in (("rotate", "p02"), ("revoke", "p04")):
        other.run("workshop", "participants", command, str(other.file), who)
    return other


def answer(workshop: Workshop, person: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {person['api_key']}"}
    return requests.get(f"{workshop.api}/v1/models", headers=headers, timeout=30).status_code


@pytest.mark.parametrize(
    "command",
    [
        ("participants", "revoke", "FILE", "p03"),
        ("participants", "rotate", "FILE", "p03"),
        ("participants", "add", "FILE", "--name", "Zoe", "--email", "zoe@class.org"),
        ("backends", "drain", "FILE", "model-tiny-1"),
        ("provision", "FILE"),
    ],
)
def test_the_older_copy_changes_nothing_and_says_who_is_ahead(
    first: Workshop, second: Workshop, cards: dict[str, dict[str, Any]], command: tuple[str, ...]
) -> None:
    before = (first.state / "state.sqlite3").read_bytes()
    words = [str(first.file) if word == "FILE" else word for word in command]
    refused = first.run("workshop", *words, "--output", "json", code=1).json["error"]
    assert refused["code"] == "state_outdated"
    assert "@" in refused["message"]
    assert "state import FILE --replace" in refused["hint"]
    assert people_in(first.state) == people_in_bytes(before)
    new = second.person("p02")
    wanted = {"p02": 401, "p03": 200, "p04": 401}
    assert {who: answer(first, cards[who]) for who in wanted} == wanted
    assert answer(first, new) == 200


def people_in(state: Path) -> list[Any]:
    return people_in_bytes((state / "state.sqlite3").read_bytes())


def people_in_bytes(content: bytes) -> list[Any]:
    import sqlite3

    memory = sqlite3.connect(":memory:")
    memory.deserialize(content)
    try:
        return memory.execute("SELECT * FROM people ORDER BY id").fetchall()
    finally:
        memory.close()


def test_status_and_plan_say_it_too(first: Workshop, second: Workshop) -> None:
    told = first.workshop("status", "--output", "json").json
    assert any("newer changes than this state knows" in line for line in told["advice"])
    planned = first.workshop("plan", "--output", "json").json
    assert any("newer changes than this state knows" in line for line in planned["notes"])
    assert not any("newer changes" in line for line in second.workshop("status", "--output", "json").json["advice"])


def test_once_the_newer_state_is_taken_in_the_class_goes_on_from_there(
    first: Workshop, second: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    passphrase, file = second.folder / "passphrase", second.folder.parent / "class.workshop"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE, encoding="utf-8")
    secret = ["--passphrase-file", str(passphrase)]
    second.workshop("state export", "--to", str(file), *secret)
    first.run("workshop", "state", "import", str(file), "--to", str(first.folder), "--replace", *secret)
    first.run("workshop", "participants", "revoke", str(first.file), "p03")
    assert {who: answer(first, cards[who]) for who in ("p01", "p02", "p03", "p04")} == {
        "p01": 200,
        "p02": 401,
        "p03": 401,
        "p04": 401,
    }
    assert answer(first, first.person("p02")) == 200


def test_where_the_newer_copy_is_lost_provision_goes_on_when_it_is_told_so(
    first: Workshop, second: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    assert (
        second.run("provision", str(second.file), "--output", "json", code=1).json["error"]["code"] == "state_outdated"
    )
    told = second.provision("--older-state")
    assert told["ok"] is True
    assert answer(second, cards["p03"]) == 200
    assert answer(second, cards["p04"]) == 401
    assert second.provision()["changed"] == 0
