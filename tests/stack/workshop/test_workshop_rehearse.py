"""`workshop rehearse` on a real workshop: the class is played over the API and the page, and nothing is left behind."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openai
import pytest
from jsonschema import Draft202012Validator

from orchestrator.checks.rehearsal.values import Guest
from orchestrator.fleet.docker_host import connect_local
from orchestrator.fleet.gateway_admin import GatewayAdmin
from orchestrator.identity.identity import Identity
from orchestrator.identity.limits import CallerLimits
from orchestrator.spec.loader import load
from orchestrator.workflow.rehearsal.guests import REVISION, admitted, invited, welcome
from tests.stack.workshop.bed import Ran, Workshop, ask
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("a whole class is played, minutes; tests/unit/test_rehearsal_play plays it to a stub")

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "rehearse.json"
EASY = ("--first-token", "20", "--tokens-per-second", "0.5", "--tokens", "32", "--think", "0.3")
ACCESS = "/var/lib/gateway/access.jsonl"


@pytest.fixture(scope="module")
def there(make_workshop: Callable[..., Workshop]) -> Workshop:
    workshop = make_workshop("rehearse", participants={"count": 8, "spare": 1}, webui={"mode": "shared"})
    workshop.provision()
    return workshop


@pytest.fixture(scope="module")
def before(there: Workshop) -> dict[str, Any]:
    return counters(there)


@pytest.fixture(scope="module")
def played(there: Workshop, before: dict[str, Any]) -> Ran:
    return there.workshop("rehearse", *EASY, "--output", "json")


def admin(workshop: Workshop) -> GatewayAdmin:
    return GatewayAdmin(connect_local("here"), workshop.container("gateway").id)


def counters(workshop: Workshop) -> dict[str, Any]:
    return {name: used["tokens"] for name, used in admin(workshop).get("/counters").items() if name != "_verify"}


def guests_left(workshop: Workshop) -> list[str]:
    return [user["email"] for user in workshop.accounts() if user["email"].startswith("_rehearse")]


def requests_of_guests(workshop: Workshop) -> list[dict[str, Any]]:
    output = workshop.container("gateway").exec_run(["cat", ACCESS]).output.decode()
    lines = [json.loads(line) for line in output.splitlines()]
    return [line for line in lines if (line["participant"] or "").startswith("_rehearse")]


def test_the_whole_class_is_served_over_the_api_and_over_the_page(there: Workshop, played: Ran) -> None:
    told = played.json
    print(json.dumps(told, indent=1))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(told)] == []
    assert (told["ok"], told["people"], told["served"]) == (True, 8, 8)
    assert told["asked"]["over"] == {"gateway": 4, "webui": 4}
    assert [step["people"] for step in told["steps"]] == [1, 2, 4, 8]
    last = told["steps"][-1]
    assert (last["answers"], last["good"], last["errors"]) == (24, 24, {})
    assert {part["over"]: part["good"] for part in last["over"]} == {"gateway": 12, "webui": 12}
    assert (told["sign_ins"]["people"], told["sign_ins"]["failed"]) == (4, 0)
    assert any(queue["waiting_max"] is not None for step in told["steps"] for queue in step["queues"])
    assert 0 < told["tokens"]["completion"] <= 32 * (24 + 12 + 6 + 3) + 8
    picture = Path(told["files"]["picture"])
    assert picture == there.state / "rehearsals" / "rehearsal.svg"
    assert "All 8 at once" in " ".join(ET.parse(picture).getroot().itertext())  # noqa: S314 - the program made it


def test_everybody_asked_as_themselves_and_no_participant_was_charged(
    there: Workshop, played: Ran, before: dict[str, Any]
) -> None:
    asked = requests_of_guests(there)
    assert len({line["participant"] for line in asked}) == 8
    assert {line["participant"] for line in asked if line["via"] == "_webui"} == {
        f"_rehearse-00{number}" for number in (1, 3, 5, 7)
    }
    assert counters(there) == before


def test_no_account_is_left(there: Workshop, played: Ran) -> None:
    assert guests_left(there) == []
    assert len(there.people()) == 9


def test_a_class_that_is_not_served_is_4_and_the_answer_comes_first(there: Workshop, tmp_path: Path) -> None:
    ran = there.workshop(
        "rehearse",
        *EASY[2:],
        "--first-token",
        "0.01",
        "--people",
        "2",
        "--webui-share",
        "100",
        "--to",
        str(tmp_path),
        code=4,
    )
    assert ran.out.startswith("Not even one person is served with the first token under 0.01 s")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rehearsal.json", "rehearsal.svg"]


def test_it_ends_at_its_time_and_says_so(there: Workshop) -> None:
    begun = time.monotonic()
    told = there.workshop(
        "rehearse", *EASY[:6], "--think", "5", "--seconds", "4", "--webui-share", "0", "--output", "json", code=4
    ).json
    assert time.monotonic() - begun < 15
    assert told["stopped"] == "time"


@pytest.mark.parametrize(
    ("options", "error"),
    [(("--model", "tinny"), "model_unknown"), (("--model", "tiny", "--model", "nothing"), "model_unknown")],
)
def test_a_model_that_is_not_there_is_one_line(there: Workshop, options: tuple[str, ...], error: str) -> None:
    assert there.workshop("rehearse", *options, "--output", "json", code=1).json["error"]["code"] == error


@pytest.fixture
def comers(there: Workshop) -> tuple[Guest, ...]:
    return invited(2, ["tiny"], 0, identity(there))


def identity(workshop: Workshop) -> Identity:
    return Identity((workshop.state / "secret").read_bytes(), load(workshop.file).workshop, ())


def works(workshop: Workshop, guest: Guest) -> bool:
    try:
        ask(workshop.client(guest.key.get_secret_value()), "tiny")
    except openai.AuthenticationError:
        return False
    return True


def test_a_guests_key_works_while_the_rehearsal_lasts_and_not_afterwards(
    there: Workshop, comers: tuple[Guest, ...]
) -> None:
    with admitted(admin(there), comers, ["tiny"], CallerLimits(), 60):
        assert [works(there, guest) for guest in comers] == [True, True]
    assert [works(there, guest) for guest in comers] == [False, False]


def test_a_guest_meets_the_limits_of_the_class(there: Workshop) -> None:
    newcomer = invited(9, ["tiny"], 0, identity(there))[-1:]  # whose minute is empty
    with admitted(admin(there), newcomer, ["tiny"], CallerLimits(requests_per_minute=1), 60):
        client, refused = there.client(newcomer[0].key.get_secret_value()), 0
        for _ in range(3):  # a new minute may begin between two of them
            try:
                ask(client, "tiny")
            except openai.RateLimitError:
                refused += 1
        assert refused in {1, 2}


def test_keys_that_nobody_takes_back_end_by_themselves(there: Workshop, comers: tuple[Guest, ...]) -> None:
    said = welcome(comers, ["tiny"], CallerLimits(), 4)
    assert said["revision"] == REVISION
    admin(there).post("/changes", said)
    assert works(there, comers[0])
    eventually(lambda: None if works(there, comers[0]) else True, 10)
    assert not works(there, comers[1])


def test_a_signal_ends_it_and_cleans_up(there: Workshop) -> None:
    command = ("workshop", "rehearse", str(there.file), "--think", "30")
    code, err = there.interrupt("1 at once", signal.SIGTERM, *command)
    assert code == 143, err
    there.settle()
    assert guests_left(there) == []


def test_what_a_killed_one_leaves_is_removed_by_the_next_provision(there: Workshop) -> None:
    command = ("workshop", "rehearse", str(there.file), "--think", "30")
    code, _ = there.interrupt("1 at once", signal.SIGKILL, *command)
    assert code == -signal.SIGKILL
    there.settle()
    assert len(guests_left(there)) == 4
    there.provision()
    assert guests_left(there) == []


def test_a_rehearsal_waits_for_nobody_who_changes_the_workshop(there: Workshop) -> None:
    process = there.start("workshop", "rehearse", str(there.file), "--think", "30", "--webui-share", "0")
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "1 at once" in line:
                break
        held = there.run("provision", str(there.file), "--output", "json", code=1).json
        assert held["error"]["code"] == "lock_held"
        assert "rehearse" in held["error"]["message"]
    finally:
        process.terminate()
        process.communicate(timeout=60)
