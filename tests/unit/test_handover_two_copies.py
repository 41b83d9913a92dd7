"""Of two copies of a class's state one goes on, and each is told what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.handover import sealed
from orchestrator.settings import Settings
from orchestrator.spec.loader import load
from orchestrator.state.folder import StateFolder
from orchestrator.state.lock import people_lock, who_is_here, workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.gateway.standing import outdated_note, require_newest, signed
from orchestrator.workflow.handover.take_back import take_back
from orchestrator.workflow.plan import make_plan
from orchestrator.workflow.status import status
from tests.unit.handover_class import give, make_class, people, take

PLAIN = """\
name: demo
title: A class
participants: {count: 3}
models: [{name: m, engine: llamacpp, source: o/r/f.gguf}]
webui: {mode: none}
practice: true
"""


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_COST", 2)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return make_class(tmp_path)


def test_after_a_hand_over_commands_that_change_something_refuse_until_it_is_taken_back(
    first: Path, tmp_path: Path
) -> None:
    spec, folder = load(first / "workshop.yaml"), StateFolder.for_spec(first / "workshop.yaml", "demo")
    give(first, tmp_path / "x", hand_over=True)
    for lock in (workshop_lock(folder, "provision"), people_lock(folder)):
        with pytest.raises(UserError) as caught, lock:
            raise AssertionError
        assert caught.value.code == "handed_over"
    assert str(tmp_path / "x") in str(caught.value)
    assert people(first)  # whoever only looks may
    assert take_back(spec, Settings(), None).was_handed_over
    with workshop_lock(folder, "provision"):
        pass
    assert not take_back(spec, Settings(), None).was_handed_over
    with State.read(folder) as state:
        assert [event.kind for event in state.events.all()] == ["state export", "state take-back"]


def test_who_looks_is_told_that_it_was_handed_over(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")  # no engine is needed for that
    (first / "workshop.yaml").write_text(PLAIN, encoding="utf-8")
    spec = load(first / "workshop.yaml")
    give(first, tmp_path / "x", hand_over=True)
    for told in (make_plan(spec, Settings(), None).notes, status(spec, Settings(), None).advice):
        assert "this workshop was handed over" in told[0]
        assert "workshop state take-back" in told[0]
    take_back(spec, Settings(), None)
    told = (*make_plan(spec, Settings(), None).notes, *status(spec, Settings(), None).advice)
    assert "handed over" not in " ".join(told)


def test_a_copy_is_said_to_be_one_and_a_hand_over_is_not(first: Path, tmp_path: Path) -> None:
    copy, last = give(first, tmp_path / "x"), give(first, tmp_path / "y", hand_over=True)
    assert "only one of you" in take(copy.file, tmp_path / "second").notes[0]
    assert take(last.file, tmp_path / "third").notes == ()
    folder = StateFolder.for_spec(tmp_path / "third" / "workshop.yaml", "demo")
    with workshop_lock(folder, "provision"):
        pass


def test_it_can_be_handed_back(first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    take(give(first, tmp_path / "x", hand_over=True).file, second)
    with State.open(StateFolder.for_spec(second / "workshop.yaml", "demo")) as state:
        state.people.set_revoked("p03", revoked=True)
    take(give(second, tmp_path / "y", hand_over=True).file, first, replace=True)
    assert people(first) == people(second)
    with workshop_lock(StateFolder.for_spec(first / "workshop.yaml", "demo"), "provision"):
        pass


def test_a_note_that_cannot_be_read_counts(first: Path) -> None:
    folder = StateFolder.for_spec(first / "workshop.yaml", "demo")
    folder.handed_over.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="was handed over: another copy"), workshop_lock(folder, "provision"):
        raise AssertionError


def test_a_gateway_that_follows_another_copy_is_left_alone_until_that_is_taken_in(first: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    take(give(first, tmp_path / "x").file, second)
    with State.open(StateFolder.for_spec(second / "workshop.yaml", "demo")) as state:
        state.people.set_revoked("p03", revoked=True)
        standing = {"revision": state.changes.revision, "change": signed(state)}
    here = first / "workshop.yaml"
    with State.open(StateFolder.for_spec(here, "demo")) as state:
        state.people.set_revoked("p02", revoked=True)  # the numbers alone would not tell
        assert state.changes.revision == standing["revision"]
        with pytest.raises(UserError, match=f"newer changes .* made by {who_is_here()}") as caught:
            require_newest(state, standing, "here", here)
        assert caught.value.code == "state_outdated"
        assert "provision workshop.yaml --older-state undoes what it changed" in (caught.value.hint or "")
        assert "The gateway follows newer changes" in outdated_note(state, standing, here)[0]
    take(give(second, tmp_path / "y").file, first, replace=True)
    with State.read(StateFolder.for_spec(here, "demo")) as state:
        require_newest(state, standing, "here", here)
        assert outdated_note(state, standing, here) == ()


def test_of_a_gateway_whose_changes_have_no_name_the_numbers_tell(first: Path) -> None:
    """Its policy is of a version that wrote none; and where there is no gateway there is nothing to be behind."""
    here = first / "workshop.yaml"
    with State.read(StateFolder.for_spec(here, "demo")) as state:
        revision = state.changes.revision
        for standing in (None, {"revision": revision}, {"revision": revision - 1}):
            require_newest(state, standing, "here", here)
            assert outdated_note(state, standing, here) == ()
        with pytest.raises(UserError, match="made by another copy of its state"):
            require_newest(state, {"revision": revision + 1}, "here", here)


def test_another_machines_own_host_is_said_to_be_out_of_reach(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = give(first, tmp_path / "x", hand_over=True).file
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    assert "is reached from there only" in take(file, tmp_path / "second").notes[0]


def test_the_note_holds_no_secret(first: Path, tmp_path: Path) -> None:
    give(first, tmp_path / "x", hand_over=True)
    note = json.loads((first / ".workshop" / "demo" / "handed-over.json").read_text(encoding="utf-8"))
    assert set(note) == {"at", "who", "file"}
