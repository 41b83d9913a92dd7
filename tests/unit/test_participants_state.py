"""The participants as the state keeps them from one command to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.spec.roster import RosterRow
from orchestrator.state.database import Database
from orchestrator.state.folder import StateFolder
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats, RosterSeats, Seats, reconcile
from orchestrator.state.state import State

ADA = RosterRow('Ada "); DROP TABLE people; --', "ada@example.org")
BOB = RosterRow("{{7*7}}\n\u202e王 😀", "bob@example.org", team="staff")


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")


@pytest.fixture
def state(folder: StateFolder) -> Iterator[State]:
    with State.open(folder) as opened:
        yield opened


def test_participants_are_the_same_after_the_program_was_started_again(folder: StateFolder, state: State) -> None:
    before = state.people.reconcile(RosterSeats((ADA, BOB), spare=1)).participants
    with State.open(folder) as again:
        assert again.people.present() == before
        assert again.people.present()[1].name == BOB.name
        assert again.people.reconcile(RosterSeats((BOB, ADA), spare=1)).changes == ()


def test_a_preview_tells_what_would_change_and_writes_nothing(state: State) -> None:
    state.people.reconcile(CountedSeats(2))
    preview = state.people.preview(CountedSeats(1))
    assert [(change.kind, change.after.id) for change in preview.changes] == [("removed", "p02")]
    assert len(state.people.present()) == 2
    assert state.people.reconcile(CountedSeats(1)) == preview


def test_who_left_is_remembered_but_not_present(state: State) -> None:
    state.people.reconcile(CountedSeats(2))
    state.people.reconcile(CountedSeats(1))
    assert [person.id for person in state.people.present()] == ["p01"]
    assert [(person.id, person.state) for person in state.people.all()] == [("p01", "active"), ("p02", "removed")]


def test_a_refused_roster_leaves_everybody_as_they_were(state: State) -> None:
    before = state.people.reconcile(RosterSeats((ADA, BOB))).rows
    with pytest.raises(UserError, match="two rows"):
        state.people.reconcile(RosterSeats((ADA, ADA)))
    assert state.people.enrolled() == before


def test_revoking_outlives_reconciling_and_restoring_gives_the_same_key(state: State) -> None:
    state.people.reconcile(CountedSeats(2))
    assert state.people.set_revoked("p02", revoked=True).state == "revoked"
    assert state.people.reconcile(CountedSeats(2)).changes == ()
    assert state.people.get("p02").state == "revoked"
    restored = state.people.set_revoked("p02", revoked=False)
    assert (restored.state, restored.key_generation) == ("active", 1)


def test_revoking_somebody_who_left_counts_when_they_return(state: State) -> None:
    state.people.reconcile(RosterSeats((ADA,)))
    state.people.reconcile(RosterSeats(()))
    assert state.people.set_revoked("p01", revoked=True).state == "removed"
    state.people.reconcile(RosterSeats((ADA,)))
    assert state.people.get("p01").state == "revoked"


def test_rotating_changes_one_persons_key_or_password_and_reconciling_keeps_it(state: State) -> None:
    state.people.reconcile(CountedSeats(2))
    state.people.rotate_key("p01")
    state.people.rotate_password("p02")
    assert state.people.reconcile(CountedSeats(2)).changes == ()
    generations = [(person.key_generation, person.password_generation) for person in state.people.present()]
    assert generations == [(2, 1), (1, 2)]


def test_every_change_to_people_or_drained_backends_makes_the_revision_grow(state: State) -> None:
    seen = [state.changes.revision]

    def grew() -> bool:
        seen.append(state.changes.revision)
        return seen[-1] > seen[-2]

    state.people.reconcile(CountedSeats(2, spare=1))
    assert grew()
    for change in (
        lambda: state.people.set_revoked("p02", revoked=True),
        lambda: state.people.rotate_key("p01"),
        lambda: state.people.rotate_password("p01"),
        lambda: state.people.add(ADA),
        lambda: state.people.remove("p01"),
        lambda: state.drained.add(["m-1"]),
        lambda: state.drained.remove(["m-1"]),
    ):
        change()
        assert grew()


def test_what_changes_nothing_leaves_the_revision(state: State) -> None:
    state.people.reconcile(CountedSeats(2, spare=1))
    state.people.set_revoked("p02", revoked=True)
    state.people.remove("p01")
    state.people.add(ADA)
    state.drained.add(["m-1"])
    before = state.changes.revision
    state.people.reconcile(CountedSeats(2, spare=1))
    state.people.set_revoked("p02", revoked=True)
    state.people.remove("p01")
    state.people.add(ADA)
    state.drained.add(["m-1"])
    state.drained.remove(["m-2"])
    assert state.changes.revision == before


def test_a_change_that_is_taken_back_takes_its_revision_along(state: State) -> None:
    state.people.reconcile(CountedSeats(2))
    before = state.changes.revision
    with pytest.raises(ZeroDivisionError):
        change_and_fail(state)
    assert state.changes.revision == before


def change_and_fail(state: State) -> None:
    with state.transaction():
        state.people.rotate_key("p01")
        raise ZeroDivisionError


def test_the_revision_can_be_made_to_outrun_another_and_never_shrinks(state: State) -> None:
    state.changes.outrun(41)
    assert state.changes.revision == 42
    state.changes.outrun(7)
    assert state.changes.revision == 42


def test_several_are_named_at_once_in_any_case_and_all_wrong_ones_are_told(state: State) -> None:
    state.people.reconcile(CountedSeats(11))
    assert [person.id for person in state.people.named(["P02", "p01", "p02"])] == ["p01", "p02"]
    with pytest.raises(UserError, match="no participant 'p1', 'x'") as refusal:
        state.people.named(["p01", "p1", "x"])
    assert "Did you mean 'p11'?" in str(refusal.value) or "Did you mean 'p01'?" in str(refusal.value)


def test_an_unknown_participant_is_named_in_the_error(state: State) -> None:
    with pytest.raises(UserError, match="'p77'") as refusal:
        state.people.get("p77")
    assert refusal.value.code == "participant_unknown"


rows = st.builds(
    RosterRow,
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
    email=st.integers(0, 5).map(lambda number: f"m{number}@example.org"),
    id=st.one_of(st.none(), st.integers(0, 5).map(str)),
)
rosters = st.builds(
    RosterSeats,
    st.lists(rows, max_size=5, unique_by=(lambda row: row.email, lambda row: row.binding)).map(tuple),
    st.integers(0, 2),
)


@given(st.lists(st.one_of(rosters, st.builds(CountedSeats, st.integers(0, 4), st.integers(0, 2))), max_size=4))
def test_the_database_keeps_exactly_what_was_decided(history: list[Seats]) -> None:
    database = Database.memory()
    people, decided = People(database), reconcile((), CountedSeats(0))
    for seats in history:
        decided = reconcile(decided.rows, seats)
        people.reconcile(seats)
        assert people.enrolled() == decided.rows
    database.close()
