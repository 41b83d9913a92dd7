"""A key that is taken away is refused, whatever else goes on: other commands at work, a spec that says nonsense."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import docker.errors
import pytest
import requests

from tests.stack.workshop.bed import Ran, Workshop, llama
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full(
    "one more class, with bounds in seconds; tests/unit/test_spec_in_force has what counts, test_workshop_participants revokes every day"
)

AT_MOST = (
    15.0  # seconds for a whole command while others are at work: some two on a machine that has nothing else to do
)
KEPT = "goes by the class as it stands"


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    """Eight seats and a page. The tests follow on, each with people of its own."""
    made = make_workshop("revoke", participants={"count": 8, "spare": 0}, webui={"mode": "shared"})
    told = made.provision()
    assert told["ok"] is True, told
    return made


@pytest.fixture(scope="module")
def cards(workshop: Workshop) -> dict[str, dict[str, Any]]:
    return {person["id"]: person for person in workshop.people()}


def change(workshop: Workshop, command: str, *ids: str, code: int = 0) -> Ran:
    return workshop.run("workshop", "participants", command, str(workshop.file), *ids, code=code)


def answer(workshop: Workshop, person: dict[str, Any]) -> int:
    """The status of a request with this person's key."""
    headers = {"Authorization": f"Bearer {person['api_key']}"}
    return requests.get(f"{workshop.api}/v1/models", headers=headers, timeout=30).status_code


def _is_let_in(workshop: Workshop, person: dict[str, Any]) -> bool | None:
    try:
        return answer(workshop, person) == 200 or None
    except requests.RequestException:  # the gateway is not back yet
        return None


def may_sign_in(workshop: Workshop, person: dict[str, Any]) -> bool:
    """Whether the account is open, as its owner finds it."""
    answered = workshop.sign_in(person["webui_email"], person["webui_password"])
    return answered.status_code == 200 and answered.json()["role"] != "pending"


# Whatever the spec says


@pytest.mark.parametrize(
    ("seat", "slip"),
    [
        ("p01", "models: a model that no host has room for"),
        ("p02", "a label that no host has"),
        ("p03", "a tab"),
        ("p04", "no file at all"),
    ],
)
def test_a_revocation_holds_whatever_the_file_says_by_now(
    workshop: Workshop, cards: dict[str, dict[str, Any]], seat: str, slip: str
) -> None:
    text = workshop.file.read_text(encoding="utf-8")
    big = '{"name": "big", "engine": "vllm", "source": "org/big", "gpus": 8'
    try:
        match slip:
            case "a tab":
                workshop.file.write_text("name: x\n\ttitle: y\n", encoding="utf-8")
            case "no file at all":
                workshop.file.unlink()
            case "a label that no host has":
                labelled = text.replace('"models": [', f'"models": [{big}, "labels": ["nowhere"]}},')
                workshop.file.write_text(labelled.replace('"practice": true', '"practice": false'), encoding="utf-8")
            case _:
                more = text.replace('"models": [', f'"models": [{big}}},')
                workshop.file.write_text(more.replace('"practice": true', '"practice": false'), encoding="utf-8")
        ran = change(workshop, "revoke", seat)
        assert KEPT in ran.err
        assert answer(workshop, cards[seat]) == 401
        assert not may_sign_in(workshop, cards[seat])
        assert change(workshop, "restore", seat).code == 0
        assert answer(workshop, cards[seat]) == 200
        listed = workshop.run("workshop", "participants", "list", str(workshop.file))
        assert KEPT in listed.err
        assert cards[seat]["api_key"] in listed.out
    finally:
        workshop.file.write_text(text, encoding="utf-8")
    assert KEPT not in workshop.run("workshop", "participants", "list", str(workshop.file)).err


# While others are at work


@pytest.fixture
def waiting(workshop: Workshop) -> Iterator[subprocess.Popen[str]]:
    """A `provision` that waits for an engine, which hangs until it is let go on."""
    workshop.write(models=[llama("tiny"), llama("slow")])
    process = workshop.start("provision", str(workshop.file), "--output", "json")
    try:
        eventually(lambda: _paused(workshop), seconds=240)
        yield process
    finally:
        if process.poll() is None:
            _go_on(workshop)
            process.communicate(timeout=300)


def _go_on(workshop: Workshop) -> None:
    with suppress(docker.errors.APIError):  # it does already
        workshop.container("model-slow-1").unpause()


def _paused(workshop: Workshop) -> bool | None:
    try:
        workshop.container("model-slow-1").pause()
    except (KeyError, docker.errors.APIError):  # not there yet, or not started
        return None
    return True


def test_a_revocation_holds_at_once_while_provision_waits_for_an_engine_and_after_it(
    workshop: Workshop, cards: dict[str, dict[str, Any]], waiting: subprocess.Popen[str]
) -> None:
    assert answer(workshop, cards["p05"]) == 200
    begun = time.monotonic()
    change(workshop, "revoke", "p05")
    assert time.monotonic() - begun < AT_MOST
    assert answer(workshop, cards["p05"]) == 401
    told = workshop.workshop("status", "--output", "json").json
    assert "`provision`" in told["busy"]
    rotated = {person["id"]: person for person in change_json(workshop, "rotate", "p06")}
    assert waiting.poll() is None
    _go_on(workshop)
    said = waiting.communicate(timeout=300)
    wrong = [check for check in json.loads(said[0])["checks"] if not check["ok"]]
    assert not [check for check in wrong if "slow" not in str(check)], said  # it hung, and may do so for a moment more
    assert answer(workshop, cards["p05"]) == 401
    assert not may_sign_in(workshop, cards["p05"])
    assert answer(workshop, cards["p06"]) == 401
    assert answer(workshop, rotated["p06"]) == 200
    workshop.container("gateway").restart()
    assert eventually(lambda: _is_let_in(workshop, cards["p07"]))
    assert answer(workshop, cards["p05"]) == 401


def test_the_provision_after_that_changes_nothing_for_people(workshop: Workshop) -> None:
    told = workshop.provision()
    assert (told["ok"], [line for line in told["changes"] if "account" in line or "rules" in line]) == (True, [])
    assert workshop.provision()["changed"] == 0


def change_json(workshop: Workshop, command: str, *ids: str) -> list[dict[str, Any]]:
    ran = workshop.run("workshop", "participants", command, str(workshop.file), *ids, "--output", "json")
    return list(ran.json)


def test_two_changes_at_once_both_hold(workshop: Workshop, cards: dict[str, dict[str, Any]]) -> None:
    both = [workshop.start("workshop", "participants", "revoke", str(workshop.file), who) for who in ("p07", "p08")]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [answer(workshop, cards[who]) for who in ("p07", "p08")] == [401, 401]
    assert not any(may_sign_in(workshop, cards[who]) for who in ("p07", "p08"))
    assert workshop.workshop("plan", "--output", "json").json["changes"] == []
    change(workshop, "restore", "p07", "p08")


def test_a_rehearsal_is_no_reason_to_wait(workshop: Workshop, cards: dict[str, dict[str, Any]]) -> None:
    rehearsal = workshop.start("workshop", "rehearse", str(workshop.file), "--seconds", "60", "--people", "4")
    try:
        assert rehearsal.stderr is not None
        next(line for line in rehearsal.stderr if "at once" in line)
        begun = time.monotonic()
        change(workshop, "revoke", "p08")
        assert time.monotonic() - begun < AT_MOST
        assert answer(workshop, cards["p08"]) == 401
        assert rehearsal.poll() is None
    finally:
        rehearsal.communicate(timeout=180)
    assert answer(workshop, cards["p08"]) == 401
