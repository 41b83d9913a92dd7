"""Commands on people and backends: what they write, in which order, and what they say. The gateway is in tests/stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.identity import keys
from orchestrator.spec.loader import load
from orchestrator.state.folder import StateFolder
from orchestrator.state.lock import people_lock, workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.context.open import seats
from tests.unit.command_line import Answer, ask, ask_docker_in_vain

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
SPEC = """\
name: class
title: A class
public: {host: 127.0.0.1}
participants: {count: 3, spare: 1}
models: [{name: m, engine: llamacpp, source: ggml-org/models/tinyllamas/stories260K.gguf, replicas: 2}]
webui: {mode: none}
practice: true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workshop whose participants have keys, and whose gateway was never started."""
    (tmp_path / "workshop.yaml").write_text(SPEC, encoding="utf-8")
    spec = load(tmp_path / "workshop.yaml")
    with State.open(StateFolder.for_spec(spec.file, "class")) as state:
        state.begin("class", spec.file)
        state.people.reconcile(seats(spec))
    return tmp_path


@pytest.fixture
def state(folder: Path) -> Iterator[State]:
    with State.open(StateFolder(folder / ".workshop" / "class")) as opened:
        yield opened


def workshop(folder: Path, *arguments: str, code: int = 0) -> Answer:
    """A command that asks no Docker."""
    answer = ask(folder, *arguments, environment=nowhere(folder))
    assert answer.returncode == code, answer.stdout + answer.stderr
    return answer


def without_docker(folder: Path, *arguments: str, code: int = 1) -> Answer:
    """A command that asks Docker in vain."""
    done = ask_docker_in_vain(folder, *arguments, environment=nowhere(folder))
    assert done.returncode == code, done.stdout + done.stderr
    assert ("Docker does not answer" in done.stderr) == bool(code)
    return done


def nowhere(folder: Path) -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{folder}/no-docker.sock", "WORKSHOP_STACK_DIR": str(folder / "stack")}


def participants(folder: Path, command: str, *arguments: str, code: int = 0) -> Answer:
    return workshop(folder, "participants", command, "workshop.yaml", *arguments, code=code)


def error(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.stdout)["error"]
    return found


def policy(folder: Path, state: State) -> Path:
    """A gateway's policy as `provision` left it, in the stack's folder."""
    path = folder / "stack" / "workshop-class" / "gateway" / "policy.json"
    path.parent.mkdir(parents=True)
    people = state.people.present()
    document = {
        "revision": state.changes.revision,
        "title": "as it was provisioned",
        "callers": {person.id: {"models": {"m": True}} for person in people},
        "keys": {keys.fingerprint(keys.api_key(state.secret, person.id, 1)): person.id for person in people},
        "emails": {},
        "models": {"m": {"upstreams": ["model-m"]}},
        "upstreams": {"model-m": {"servers": [{"backend": f"model-m-{number}"} for number in (1, 2)]}},
        "backends": {f"model-m-{number}": {"drained": False, "health": "/health"} for number in (1, 2)},
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    path.chmod(0o600)
    return path


def test_before_anything_was_provisioned_there_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "workshop.yaml").write_text(SPEC, encoding="utf-8")
    for command in (("participants", "revoke", "workshop.yaml", "p01"), ("backends", "drain", "workshop.yaml", "x")):
        answer = workshop(tmp_path, *command, "--output", "json", code=1)
        assert error(answer)["code"] == "not_provisioned"
    assert not (tmp_path / ".workshop").exists()


def test_without_a_gateway_it_is_kept_and_said_when_it_will_hold(folder: Path, state: State) -> None:
    answer = participants(folder, "revoke", "p02", "P03")
    assert "p02 (Seat p02): revoked" in answer.stdout
    assert "in effect once provision has started it" in answer.stdout
    assert [person.state for person in state.people.present()] == ["active", "revoked", "revoked", "active"]
    again = participants(folder, "revoke", "p02")
    assert "p02 (Seat p02): was revoked already" in again.stdout
    assert "p02 (Seat p02): restored, with the same key" in participants(folder, "restore", "p02").stdout
    assert state.people.get("p02").key_generation == 1


@pytest.mark.parametrize("command", ["revoke", "restore", "rotate", "remove", "reset-password"])
def test_one_wrong_id_and_nothing_is_done_to_anyone(folder: Path, state: State, command: str) -> None:
    (folder / "workshop.yaml").write_text(SPEC.replace("mode: none", "mode: shared"), encoding="utf-8")
    before = (state.people.enrolled(), state.changes.revision)
    answer = participants(folder, command, "p01", "p0", "o03", "--output", "json", code=1)
    assert error(answer)["code"] == "participant_unknown"
    assert error(answer)["message"] == "there is no participant 'p0', 'o03'"
    assert "Did you mean" in str(error(answer)["hint"])
    assert "p03" in str(error(answer)["hint"])
    assert (state.people.enrolled(), state.changes.revision) == before


def test_who_is_named_by_mail_is_told_by_the_id(folder: Path) -> None:
    participants(folder, "add", "--name", "Zoë", "--email", "zoe@example.org")
    answer = participants(folder, "revoke", "Zoe@Example.org", "--output", "json", code=1)
    assert "Did you mean 'p04'?" in str(error(answer)["hint"])


@pytest.mark.parametrize("command", ["revoke", "restore", "rotate"])
def test_a_removed_persons_key_is_not_changed(folder: Path, state: State, command: str) -> None:
    assert "p01 (Seat p01): removed" in participants(folder, "remove", "p01").stdout
    assert "was removed already" in participants(folder, "remove", "p01").stdout
    answer = participants(folder, command, "p02", "p01", "--output", "json", code=1)
    assert error(answer)["code"] == "participant_removed"
    assert state.people.get("p02").state == "active"
    assert state.people.get("p02").key_generation == 1


def test_the_document_is_that_of_the_list_for_these_people(folder: Path) -> None:
    answer = participants(folder, "rotate", "p03", "p01", "--output", "json")
    document = json.loads(answer.stdout)
    listed = json.loads(participants(folder, "list", "--output", "json").stdout)
    assert document == [person for person in listed if person["id"] in {"p01", "p03"}]
    schema = json.loads((SCHEMAS / "participants-list.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)
    assert "p01 (Seat p01): has a new key" in answer.stderr


def test_new_keys_are_printed_for_these_people_and_in_the_whole_set(folder: Path, state: State) -> None:
    handouts = state.folder.handouts
    answer = participants(folder, "rotate", "p01", "p03")
    assert f"Cards: {handouts / 'cards-p01-p03.pdf'}" in answer.stdout
    assert (handouts / "cards-p01-p03.pdf").stat().st_mode & 0o777 == 0o600
    key = keys.api_key(state.secret, "p03", 2).get_secret_value()
    assert key in (handouts / "cards.csv").read_text(encoding="utf-8-sig")
    participants(folder, "revoke", "p03")
    assert key not in (handouts / "cards.csv").read_text(encoding="utf-8-sig")
    assert not (handouts / "cards-p03.pdf").exists()


def test_somebody_added_takes_the_spare_seat_and_then_new_ones_come(folder: Path, state: State) -> None:
    first = participants(folder, "add", "--name", "Zoë", "--email", "zoe@x.org", "--team", "staff")
    assert "p04 (Zoë): took this spare seat: its card stays good" in first.stdout
    assert (
        "p04 (Zoë): was there already"
        in participants(folder, "add", "--name", "Zoë", "--email", "Zoe@x.org", "--team", "staff").stdout
    )
    assert "p05 (Bo): added" in participants(folder, "add", "--name", "Bo", "--email", "bo@x.org").stdout
    assert state.people.preview(seats(load(folder / "workshop.yaml"))).changes == ()
    taken = participants(folder, "add", "--name", "Eve", "--email", "bo@x.org", "--output", "json", code=1)
    assert error(taken)["code"] == "participant_exists"
    plan = without_docker(folder, "plan", code=0).stdout
    assert "added by command, and stays so: p04, p05" in plan


@pytest.mark.parametrize(
    ("name", "mail", "team"), [("Zoë", "zoe@", ""), ("", "z@x.org", ""), ("Zoë", "p01@class.workshop.local", "")]
)
def test_somebody_who_could_not_stand_in_a_roster_is_refused(folder: Path, name: str, mail: str, team: str) -> None:
    answer = participants(folder, "add", "--name", name, "--email", mail, "--team", team, "--output", "json", code=1)
    assert error(answer)["code"] == "participant_invalid"


def test_without_open_webui_there_is_no_password(folder: Path, state: State) -> None:
    answer = participants(folder, "reset-password", "p01", "--output", "json", code=1)
    assert error(answer)["code"] == "no_webui"
    assert state.people.get("p01").password_generation == 1


def test_the_ids_come_after_the_spec(folder: Path) -> None:
    assert "Missing argument 'ID...'" in workshop(folder, "participants", "revoke", "p01", code=2).stderr


@pytest.mark.parametrize("at_work", ["provision", "rehearse", "images load", "preflight", "backends drain"])
def test_a_key_is_taken_away_at_once_whoever_else_is_at_work(folder: Path, state: State, at_work: str) -> None:
    path = policy(folder, state)
    before = set(json.loads(path.read_text(encoding="utf-8"))["keys"])
    with workshop_lock(state.folder, at_work):
        without_docker(folder, "participants", "revoke", "workshop.yaml", "p01")
        without_docker(folder, "participants", "rotate", "workshop.yaml", "p02")
        left = set(json.loads(path.read_text(encoding="utf-8"))["keys"])
        without_docker(folder, "participants", "restore", "workshop.yaml", "p01")
    gone = {keys.fingerprint(keys.api_key(state.secret, who, 1)) for who in ("p01", "p02")}
    assert gone <= before
    assert not gone & left
    assert state.people.get("p02").key_generation == 2


def test_while_the_state_itself_goes_nobody_is_changed(
    folder: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.workflow.people.change.people_lock", partial(people_lock, patience=0.1))
    with workshop_lock(state.folder, "teardown", alone=True):
        answer = participants(folder, "revoke", "p01", "--output", "json", code=1)
    assert error(answer)["code"] == "lock_held"
    assert "`teardown`" in str(error(answer)["message"])
    assert state.people.get("p01").state == "active"


def test_a_backend_is_not_drained_while_another_command_is_at_work(folder: Path, state: State) -> None:
    policy(folder, state)
    with workshop_lock(state.folder, "provision"):
        answer = workshop(folder, "backends", "drain", "workshop.yaml", "model-m-1", "--output", "json", code=1)
    assert error(answer)["code"] == "lock_held"
    assert "`provision`" in str(error(answer)["message"])
    assert state.drained.all() == frozenset()


def test_the_file_is_right_before_the_gateway_is_asked(folder: Path, state: State) -> None:
    """As after a kill in between: whatever starts or reloads the gateway brings it into effect."""
    path = policy(folder, state)
    before = json.loads(path.read_text(encoding="utf-8"))
    without_docker(folder, "participants", "revoke", "workshop.yaml", "p02")
    after = json.loads(path.read_text(encoding="utf-8"))
    assert state.people.get("p02").state == "revoked"
    assert (set(after["callers"]) & {"p01", "p02", "p03"}) == {"p01", "p03"}
    assert keys.fingerprint(keys.api_key(state.secret, "p02", 1)) not in after["keys"]
    assert after["revision"] == state.changes.revision > before["revision"]
    assert (after["title"], after["models"]) == (before["title"], before["models"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["policy.json"]


def with_change(path: Path, **parts: Any) -> str:
    """Into the policy; its text from then on."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | parts), encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "parts", [{"revision": 900}, {"change": {"id": "0" * 16, "who": "bo@laptop", "at": "2026-12-01T08:00:00Z"}}]
)
def test_a_gateway_that_follows_newer_changes_is_left_alone(folder: Path, state: State, parts: dict[str, Any]) -> None:
    """The state was put back from a backup, or another copy of it goes on."""
    path = policy(folder, state)
    before, revision = with_change(path, **parts), state.changes.revision
    for command in (
        ("participants", "revoke", "workshop.yaml", "p02"),
        ("backends", "drain", "workshop.yaml", "model-m-1"),
    ):
        answer = workshop(folder, *command, "--output", "json", code=1)
        assert error(answer)["code"] == "state_outdated"
        assert (
            f"made by {'bo@laptop, on 2026-12-01' if 'change' in parts else 'another copy'}" in error(answer)["message"]
        )
        assert "--older-state" in error(answer)["hint"]
    assert path.read_text(encoding="utf-8") == before
    assert (state.people.get("p02").state, state.changes.revision) == ("active", revision)
    assert state.drained.all() == frozenset()


def test_a_gateway_that_saw_a_later_revision_of_this_state_is_told_a_later_one_still(
    folder: Path, state: State
) -> None:
    path = policy(folder, state)
    with_change(path, revision=900, change=asdict(state.changes.sign("bo@laptop")))
    without_docker(folder, "participants", "revoke", "workshop.yaml", "p02")
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after["revision"] == state.changes.revision == 901
    assert state.changes.last is not None
    assert after["change"] == asdict(state.changes.last)


@pytest.mark.parametrize("content", ["{", "[]", '{"callers": {}, "keys": {}, "emails": {}}'])
def test_a_policy_that_cannot_be_read_is_left_for_provision(folder: Path, state: State, content: str) -> None:
    path = policy(folder, state)
    path.write_text(content, encoding="utf-8")
    answer = participants(folder, "revoke", "p02", "--output", "json", code=1)
    assert (error(answer)["code"], error(answer)["file"]) == ("policy_unreadable", str(path))
    assert path.read_text(encoding="utf-8") == content
    assert state.people.get("p02").state == "revoked"


def test_a_drained_backend_is_kept_in_state_and_file(folder: Path, state: State) -> None:
    path = policy(folder, state)
    revision = state.changes.revision
    without_docker(folder, "backends", "drain", "workshop.yaml", "model-m-2")
    assert state.drained.all() == {"model-m-2"}
    assert state.changes.revision > revision
    backends = json.loads(path.read_text(encoding="utf-8"))["backends"]
    assert {name: backend["drained"] for name, backend in backends.items()} == {"model-m-1": False, "model-m-2": True}
    assert "drained by command, and stays so: model-m-2" in without_docker(folder, "plan", code=0).stdout
    without_docker(folder, "backends", "resume", "workshop.yaml", "model-m-2")
    assert state.drained.all() == frozenset()


@pytest.mark.parametrize("content", ["{", "[]", '{"callers": {}, "keys": {}, "emails": {}}'])
def test_no_backend_is_drained_by_a_policy_that_cannot_be_read(folder: Path, state: State, content: str) -> None:
    path = policy(folder, state)
    path.write_text(content, encoding="utf-8")
    answer = workshop(folder, "backends", "drain", "workshop.yaml", "model-m-1", "--output", "json", code=1)
    assert (error(answer)["code"], error(answer)["file"]) == ("policy_unreadable", str(path))
    assert state.drained.all() == frozenset()


def test_before_the_gateway_was_started_there_is_no_backend_to_drain(folder: Path, state: State) -> None:
    answer = workshop(folder, "backends", "drain", "workshop.yaml", "model-m-1", "--output", "json", code=1)
    assert error(answer)["code"] == "backend_unknown"
    assert state.drained.all() == frozenset()


def test_a_backend_that_is_not_there_is_told_with_the_nearest_name(folder: Path, state: State) -> None:
    policy(folder, state)
    answer = workshop(folder, "backends", "drain", "workshop.yaml", "model-m-1", "modelm2", "--output", "json", code=1)
    assert error(answer)["code"] == "backend_unknown"
    assert "Did you mean 'model-m-2'?" in str(error(answer)["hint"])
    assert state.drained.all() == frozenset()
