"""People added and taken out by command: what the spec goes through afterwards leaves them as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.spec.roster import RosterRow
from orchestrator.state.database import Database
from orchestrator.state.newcomers import Arrived, arrive
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats, Enrolled, RosterSeats, Seats, reconcile, taken_out

ADA = RosterRow("Ada", "ada@example.org")
BOB = RosterRow("Bob", "bob@example.org", team="staff")
ZOE = RosterRow("Zoë", "Zoe@Example.org", team="staff")

Rows = tuple[Enrolled, ...]


def spec(rows: Rows, seats: Seats) -> Rows:
    return reconcile(rows, seats).rows


def kept(rows: Rows, row: Enrolled) -> Rows:
    """The rows with this one in its place, as the database keeps them."""
    by_id = {one.participant.id: one for one in rows} | {row.participant.id: row}
    return tuple(sorted(by_id.values(), key=lambda one: one.number))


def add(rows: Rows, newcomer: RosterRow) -> Rows:
    return kept(rows, arrive(rows, newcomer).row)


def out(rows: Rows, participant: str) -> Rows:
    return kept(rows, taken_out(next(row for row in rows if row.participant.id == participant)))


def there(rows: Rows, *, spare: bool | None = None) -> list[str]:
    return [p.id for row in rows if (p := row.participant).state != "removed" and spare in (None, p.spare)]


def person(rows: Rows, participant: str) -> Participant:
    return next(row.participant for row in rows if row.participant.id == participant)


# Somebody comes


def test_a_newcomer_takes_the_lowest_spare_seat_with_its_card() -> None:
    before = spec((), CountedSeats(2, spare=2))
    arrived = arrive(before, ZOE)
    zoe = arrived.row.participant
    assert (arrived.how, zoe.id, zoe.name, zoe.team, zoe.spare) == ("seated", "p03", "Zoë", "staff", False)
    assert (zoe.key_generation, zoe.password_generation) == (1, 1)
    assert zoe.webui_email("llm") == person(before, "p03").webui_email("llm") == "p03@llm.workshop.local"


@pytest.mark.parametrize("seats", [CountedSeats(2, spare=2), RosterSeats((ADA, BOB), spare=2)])
def test_a_seat_that_was_taken_is_not_filled_again(seats: Seats) -> None:
    rows = add(spec((), seats), ZOE)
    again = reconcile(rows, seats)
    assert again.changes == ()
    assert there(again.rows, spare=True) == ["p04"]
    more = spec(again.rows, replace(seats, spare=3))
    assert there(more, spare=True) == ["p04", "p05"]


def test_without_a_spare_seat_a_newcomer_gets_a_new_id_and_signs_in_with_their_own_mail() -> None:
    arrived = arrive(spec((), CountedSeats(2)), ZOE)
    assert (arrived.how, arrived.row.participant.id) == ("added", "p03")
    assert arrived.row.participant.webui_email("llm") == "zoe@example.org"


def test_a_revoked_spare_seat_is_passed_over() -> None:
    rows = spec((), CountedSeats(1, spare=2))
    revoked = [replace(row, revoked=row.participant.id == "p02") for row in rows]
    assert arrive(revoked, ZOE).row.participant.id == "p03"


def test_adding_the_same_person_again_changes_nothing() -> None:
    rows = add(spec((), CountedSeats(1, spare=1)), ZOE)
    again = arrive(rows, replace(ZOE, email="ZOE@example.org"))
    assert again == Arrived(rows[1], "there")


@pytest.mark.parametrize("other", [replace(ZOE, name="Eve"), replace(ZOE, team=None)])
def test_a_mail_that_somebody_here_has_is_refused(other: RosterRow) -> None:
    rows = add(spec((), RosterSeats((ADA,))), ZOE)
    with pytest.raises(UserError, match=r"is the mail of p02 \(Zoë\) already"):
        arrive(rows, other)


def test_who_is_in_the_roster_is_there_already() -> None:
    rows = spec((), RosterSeats((ADA, ZOE)))
    assert arrive(rows, ZOE).how == "there"


def test_who_left_and_is_added_returns_with_the_next_key() -> None:
    rows = spec(spec((), RosterSeats((ADA, ZOE))), RosterSeats((ADA,)))
    arrived = arrive(rows, ZOE)
    assert (arrived.how, arrived.row.participant.id) == ("returned", "p02")
    assert (arrived.row.participant.key_generation, arrived.row.participant.password_generation) == (2, 2)
    assert there(spec(kept(rows, arrived.row), RosterSeats((ADA,)))) == ["p01", "p02"]


# What was added stays


def test_who_was_added_stays_though_the_spec_does_not_name_them() -> None:
    rows = add(spec((), RosterSeats((ADA, BOB))), ZOE)
    for seats in (RosterSeats((ADA, BOB)), RosterSeats((BOB,)), CountedSeats(3), CountedSeats(0)):
        rows = spec(rows, seats)
        assert person(rows, "p03").state == "active"
        assert person(rows, "p03").key_generation == 1


@pytest.mark.parametrize("own_id", [None, "7"])
def test_who_is_in_the_roster_later_is_an_ordinary_row_with_the_same_key_and_card(own_id: str | None) -> None:
    rows = add(spec((), RosterSeats((ADA,), spare=1)), ZOE)
    named = reconcile(rows, RosterSeats((ADA, replace(ZOE, id=own_id))))
    zoe = person(named.rows, "p02")
    assert (zoe.state, zoe.key_generation, zoe.webui_email("llm")) == ("active", 1, "p02@llm.workshop.local")
    assert there(spec(named.rows, RosterSeats((ADA,)))) == ["p01"]


# Somebody is taken out


def test_who_was_taken_out_stays_out_while_the_roster_names_them() -> None:
    rows = out(spec((), RosterSeats((ADA, BOB))), "p02")
    again = reconcile(rows, RosterSeats((BOB, ADA)))
    assert again.changes == ()
    assert there(again.rows) == ["p01"]


def test_once_the_roster_let_go_of_them_it_can_name_them_again() -> None:
    rows = out(spec((), RosterSeats((ADA, BOB))), "p02")
    rows = spec(rows, RosterSeats((ADA,)))
    rows = spec(rows, RosterSeats((ADA, BOB)))
    assert (person(rows, "p02").state, person(rows, "p02").key_generation) == ("active", 2)


def test_a_new_name_of_somebody_who_was_taken_out_is_no_second_removal() -> None:
    rows = out(spec((), RosterSeats((ADA, BOB))), "p02")
    (change,) = reconcile(rows, RosterSeats((ADA, replace(BOB, name="Robert")))).changes
    assert (change.kind, change.after.state, change.after.name) == ("changed", "removed", "Robert")


def test_a_seat_that_was_taken_out_is_not_made_up_for() -> None:
    rows = out(spec((), CountedSeats(3, spare=1)), "p02")
    again = reconcile(rows, CountedSeats(3, spare=1))
    assert again.changes == ()
    assert there(again.rows) == ["p01", "p03", "p04"]
    assert there(spec(rows, CountedSeats(4, spare=1)), spare=True) == ["p05"]


def test_taking_out_who_was_added_leaves_their_seat_taken() -> None:
    rows = out(add(spec((), CountedSeats(2, spare=2)), ZOE), "p03")
    assert there(spec(rows, CountedSeats(2, spare=2))) == ["p01", "p02", "p04"]


def test_taking_out_who_was_added_does_not_keep_a_later_roster_from_naming_them() -> None:
    rows = out(add(spec((), RosterSeats((ADA,))), ZOE), "p02")
    assert there(spec(rows, RosterSeats((ADA, ZOE)))) == ["p01", "p02"]


# Whatever happens


@dataclass(frozen=True)
class Add:
    newcomer: RosterRow


@dataclass(frozen=True)
class Remove:
    place: int


@dataclass(frozen=True)
class Revoke:
    place: int
    revoked: bool


@dataclass(frozen=True)
class Rotate:
    place: int


Step = Seats | Add | Remove | Revoke | Rotate

people = st.builds(
    RosterRow,
    name=st.sampled_from(["Ada", "Bob", "李"]),
    email=st.integers(0, 6).map(lambda number: f"m{number}@example.org"),
    team=st.sampled_from([None, "staff"]),
    id=st.one_of(st.none(), st.integers(0, 6).map(str)),
)
rosters = st.builds(
    RosterSeats,
    st.lists(people, max_size=5, unique_by=(lambda row: row.email, lambda row: row.binding)).map(tuple),
    st.integers(0, 3),
)
steps: st.SearchStrategy[Step] = st.one_of(
    rosters,
    st.builds(CountedSeats, st.integers(0, 6), st.integers(0, 3)),
    st.builds(Add, people.map(lambda row: replace(row, id=None))),
    st.builds(Remove, st.integers(0, 9)),
    st.builds(Revoke, st.integers(0, 9), st.booleans()),
    st.builds(Rotate, st.integers(0, 9)),
)


def take(kept_people: People, step: Step) -> str | None:
    """Do it; the id of whom a command was about."""
    if isinstance(step, CountedSeats | RosterSeats):
        kept_people.reconcile(step)
        return None
    if isinstance(step, Add):
        try:
            return kept_people.add(step.newcomer).row.participant.id
        except UserError:  # somebody here has the mail
            return None
    rows = kept_people.enrolled()
    if not rows:
        return None
    one = rows[step.place % len(rows)].participant.id
    if isinstance(step, Remove):
        kept_people.remove(one)
    elif isinstance(step, Revoke):
        kept_people.set_revoked(one, revoked=step.revoked)
    else:
        kept_people.rotate_key(one)
    return one


@settings(deadline=None)  # a loaded machine is not a failure
@given(st.lists(steps, max_size=8))
def test_no_id_passes_to_another_and_nobody_elses_key_changes(history: list[Step]) -> None:
    database = Database.memory()
    kept_people = People(database)
    for step in history:
        before = kept_people.enrolled()
        one = take(kept_people, step)
        after = kept_people.enrolled()
        assert [row.number for row in after] == list(range(1, len(after) + 1))
        for old, new in zip(before, after, strict=False):
            assert old.participant.id == new.participant.id
            if old.binding and new.binding != old.binding:
                assert old.participant.email == new.participant.email
            if old.participant.id != one:
                back = int(not old.present and new.present)
                assert new.participant.key_generation == old.participant.key_generation + back
                assert new.participant.password_generation == old.participant.password_generation + back
                if one is not None:
                    assert new == old
    database.close()


@settings(deadline=None)  # a loaded machine is not a failure
@given(st.lists(steps, max_size=8), st.one_of(rosters, st.builds(CountedSeats, st.integers(0, 6), st.integers(0, 3))))
def test_reconciling_twice_is_reconciling_once(history: list[Step], seats: Seats) -> None:
    database = Database.memory()
    kept_people = People(database)
    for step in history:
        take(kept_people, step)
    once = kept_people.reconcile(seats)
    assert kept_people.preview(seats) == replace(once, changes=())
    database.close()
