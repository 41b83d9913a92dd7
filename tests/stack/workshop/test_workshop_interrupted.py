"""Killed anywhere, the next provision ends in the same state with the same keys, and nothing is there twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest

from tests.stack.workshop.bed import Workshop, ask

pytestmark = pytest.mark.full(
    "a whole class killed at every step, minutes; test_webui_interrupted has a run that is killed"
)

PEOPLE = 4
POINTS = ["  Participants", "    Start the containers", "    account p0", "  Cards", "  Proof"]


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    return make_workshop("killed", participants={"count": PEOPLE}, webui={"mode": "shared"})


@pytest.fixture(scope="module")
def keys_seen(workshop: Workshop) -> dict[str, set[str]]:
    """Every key and password that anyone was ever told, by what it is."""
    return {}


def look_at_keys(workshop: Workshop, keys_seen: dict[str, set[str]]) -> None:
    for person in workshop.people():
        for kind in ("api_key", "webui_password", "webui_api_key"):
            if person[kind]:
                keys_seen.setdefault(f"{person['id']} {kind}", set()).add(person[kind])


@pytest.mark.parametrize("at", POINTS)
def test_killed_it_leaves_nobody_at_work(workshop: Workshop, keys_seen: dict[str, set[str]], at: str) -> None:
    """One after the other on the same workshop: each run comes further than the one before."""
    code, _ = workshop.interrupt(at, signal.SIGKILL)

    assert code == -signal.SIGKILL
    workshop.settle()
    look_at_keys(workshop, keys_seen)


def test_the_next_provision_comes_to_its_end(workshop: Workshop) -> None:
    told = workshop.provision()

    assert told["ok"] is True
    assert all(check["ok"] for check in told["checks"])
    assert workshop.provision()["changed"] == 0


def test_no_key_was_ever_another_one(workshop: Workshop, keys_seen: dict[str, set[str]]) -> None:
    look_at_keys(workshop, keys_seen)

    assert {what for what, keys in keys_seen.items() if len(keys) != 1} == set()
    assert len(keys_seen) == 3 * PEOPLE
    for person in workshop.people():
        assert ask(workshop.client(person), "tiny")


def test_nothing_is_there_twice(workshop: Workshop) -> None:
    mails = Counter(account["email"] for account in workshop.accounts())
    label = {"label": f"workshop.name={workshop.name}"}

    assert set(mails.values()) == {1}
    assert len(mails) == PEOPLE + 2  # the administrator, and who asks for `verify`
    assert len(workshop.engine.containers.list(all=True, filters=label)) == len(workshop.containers()) == 3


def test_nothing_of_the_killed_runs_lies_around(workshop: Workshop, keys_seen: dict[str, set[str]]) -> None:
    """But for Ansible's own folder, which holds no secret."""
    aside = [path for path in workshop.state.rglob("*") if path.name.endswith((".new", ".tar")) and path.is_file()]
    left = b"".join(path.read_bytes() for path in workshop.temporary.rglob("*") if path.is_file())

    assert aside == []
    assert [what for what, keys in keys_seen.items() if any(key.encode() in left for key in keys)] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_says_so_and_the_next_run_completes(
    workshop: Workshop, number: signal.Signals, code: int
) -> None:
    workshop.container("model-tiny-1").remove(force=True)
    ended, said = workshop.interrupt("    Start the containers", number, "provision", str(workshop.file))

    assert ended == code
    assert "the same command goes on where it stopped" in said
    assert "Traceback" not in said
    workshop.settle()
    assert workshop.workshop("status", "--output", "json").json["busy"] is None
    assert workshop.provision()["ok"] is True


def test_ctrl_c_reaches_the_whole_group_as_on_a_terminal(workshop: Workshop) -> None:
    workshop.container("model-tiny-1").remove(force=True)
    process = workshop.start("provision", str(workshop.file))
    assert process.stderr is not None
    next(line for line in process.stderr if "    Start the containers" in line)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    workshop.settle()
    assert workshop.provision()["ok"] is True
