"""Who takes part: ids are given once, keys change only for those who return, whatever the spec goes through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.spec.roster import RosterRow
from orchestrator.state.seats import (
    CountedSeats,
    Enrolled,
    Reconciliation,
    RosterSeats,
    Seats,
    reconcile,
)

ADA = RosterRow("Ada", "Ada@Example.org")
BOB = RosterRow("Bob", "bob@example.org", team="staff")
EVE = RosterRow("Eve", "eve@example.org")


def after(*steps: Seats) -> Reconciliation:
    """The last step's outcome when the spec says each of these in turn."""
    result = Reconciliation((), ())
    for seats in steps:
        result = reconcile(result.rows, seats)
    return result


def ids(result: Reconciliation, *, spare: bool | None = None) -> list[str]:
    return [person.id for person in result.participants if spare in (None, person.spare)]


def kinds(result: Reconciliation) -> dict[str, str]:
    return {change.after.id: change.kind for change in result.changes}


def by_mail(result: Reconciliation) -> dict[str | None, str]:
    return {person.email: person.id for person in result.participants if not person.spare}


# A count


def test_a_count_gives_seats_and_then_spares() -> None:
    result = after(CountedSeats(3, spare=2))
    assert ids(result, spare=False) == ["p01", "p02", "p03"]
    assert ids(result, spare=True) == ["p04", "p05"]


@pytest.mark.parametrize(("total", "first"), [(9, "p01"), (99, "p01"), (100, "p001"), (1000, "p0001")])
def test_ids_are_as_wide_as_the_first_total_and_at_least_two_digits(total: int, first: str) -> None:
    assert ids(after(CountedSeats(total)))[0] == first


def test_a_class_that_grows_past_its_width_keeps_its_ids_and_its_order() -> None:
    result = after(CountedSeats(99), CountedSeats(101))
    assert ids(result)[0] == "p01"
    assert ids(result)[-2:] == ["p100", "p101"]


def test_the_same_count_again_changes_nothing() -> None:
    assert after(CountedSeats(3, 1), CountedSeats(3, 1)).changes == ()


def test_growing_makes_the_first_spares_seats_and_changes_no_key() -> None:
    result = after(CountedSeats(30, spare=3), CountedSeats(32, spare=3))
    assert kinds(result) == {"p31": "changed", "p32": "changed", "p34": "added", "p35": "added"}
    assert ids(result, spare=True) == ["p33", "p34", "p35"]
    assert {person.key_generation for person in result.participants} == {1}


def test_shrinking_removes_the_highest_seats() -> None:
    result = after(CountedSeats(5), CountedSeats(3))
    assert kinds(result) == {"p04": "removed", "p05": "removed"}


def test_a_seat_that_returns_gets_the_next_key_and_password_before_any_new_seat_is_made() -> None:
    result = after(CountedSeats(3), CountedSeats(1), CountedSeats(4))
    assert kinds(result) == {"p02": "returned", "p03": "returned", "p04": "added"}
    generations = [(person.key_generation, person.password_generation) for person in result.participants]
    assert generations == [(1, 1), (2, 2), (2, 2), (1, 1)]


def test_nobody_at_all_removes_everyone() -> None:
    assert after(CountedSeats(2, 1), CountedSeats(0)).participants == ()


# A roster


def test_a_roster_gives_people_and_then_spares() -> None:
    result = after(RosterSeats((ADA, BOB), spare=1))
    assert [(p.id, p.name, p.team, p.spare) for p in result.participants] == [
        ("p01", "Ada", None, False),
        ("p02", "Bob", "staff", False),
        ("p03", None, None, True),
    ]


def test_reordering_the_roster_changes_nothing() -> None:
    assert after(RosterSeats((ADA, BOB, EVE)), RosterSeats((EVE, ADA, BOB))).changes == ()


def test_the_mail_is_the_same_person_in_any_case() -> None:
    result = after(RosterSeats((ADA,)), RosterSeats((replace(ADA, email="ADA@EXAMPLE.ORG"),)))
    assert kinds(result) == {"p01": "changed"}


def test_somebody_new_in_a_leavers_row_gets_an_id_of_their_own() -> None:
    result = after(RosterSeats((ADA, BOB)), RosterSeats((EVE, BOB)))
    assert kinds(result) == {"p01": "removed", "p03": "added"}


def test_who_returns_gets_the_same_id_with_the_next_key_and_password() -> None:
    result = after(RosterSeats((ADA, BOB)), RosterSeats((BOB,)), RosterSeats((BOB, ADA)))
    assert kinds(result) == {"p01": "returned"}
    ada = result.participants[0]
    assert (ada.name, ada.key_generation, ada.password_generation) == ("Ada", 2, 2)


def test_a_new_name_or_team_is_a_change_to_the_same_person() -> None:
    result = after(RosterSeats((ADA,)), RosterSeats((replace(ADA, name="Ada L.", team="staff"),)))
    assert kinds(result) == {"p01": "changed"}
    assert result.changes[0].before is not None
    assert (result.changes[0].before.name, result.changes[0].after.name) == ("Ada", "Ada L.")
    assert result.changes[0].after.key_generation == 1


def test_with_an_id_column_a_new_mail_is_the_same_person() -> None:
    old, new = replace(ADA, id="7"), replace(ADA, id="7", email="ada@new.example.org")
    result = after(RosterSeats((old,)), RosterSeats((new,)))
    assert kinds(result) == {"p01": "changed"}
    assert result.participants[0].email == "ada@new.example.org"


def test_another_id_with_the_same_mail_is_somebody_else() -> None:
    result = after(RosterSeats((replace(ADA, id="7"),)), RosterSeats((replace(ADA, id="8"),)))
    assert kinds(result) == {"p01": "removed", "p02": "added"}


@pytest.mark.parametrize(("before", "then"), [((None, None), ("2", "1")), (("2", "1"), (None, None))])
def test_an_id_column_that_comes_or_goes_later_changes_nobody(
    before: tuple[str | None, str | None], then: tuple[str | None, str | None]
) -> None:
    def roster(ids: tuple[str | None, str | None]) -> RosterSeats:
        return RosterSeats((replace(ADA, id=ids[0]), replace(BOB, id=ids[1])))

    result = after(roster(before), roster(then))
    assert result.changes == ()
    assert after(roster(before), roster(then), roster(then)).rows == result.rows


def test_without_the_id_column_a_mail_is_the_person_who_has_it_now() -> None:
    one, two = replace(ADA, id="1"), replace(ADA, id="2", name="Ada the Second")
    result = after(RosterSeats((one,)), RosterSeats((two,)), RosterSeats((replace(two, id=None),)))
    assert ids(result) == ["p02"]
    assert result.changes == ()


def test_two_people_who_swap_their_mails_stay_who_they_are_by_their_ids() -> None:
    ada, bob = replace(ADA, id="1"), replace(BOB, id="2")
    swapped = RosterSeats((replace(ada, email=BOB.email), replace(bob, email=ADA.email)))
    result = after(RosterSeats((ada, bob)), swapped)
    assert by_mail(result) == {BOB.email: "p01", ADA.email: "p02"}


def test_a_person_is_never_given_a_seat_that_somebody_may_have_a_card_for() -> None:
    result = after(CountedSeats(2, spare=1), RosterSeats((ADA,), spare=1))
    assert by_mail(result) == {ADA.email: "p04"}
    assert ids(result, spare=True) == ["p03"]  # the spare stays the spare: its card is still in the drawer
    assert kinds(result) == {"p01": "removed", "p02": "removed", "p04": "added"}


def test_a_seat_is_never_given_a_persons_id() -> None:
    result = after(RosterSeats((ADA, BOB)), CountedSeats(2))
    assert ids(result) == ["p03", "p04"]


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ((replace(ADA, line=2), replace(BOB, email="ADA@example.org", line=3)), "roster_duplicate", 2),
        ((replace(ADA, id="1", line=2), replace(BOB, id="1", line=3)), "roster_duplicate", 2),
        ((replace(ADA, line=2), RosterRow("Nobody", None, line=3)), "roster_unbound", 3),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused_with_their_line(
    rows: tuple[RosterRow, ...], code: str, line: int
) -> None:
    with pytest.raises(UserError) as refusal:
        reconcile((), RosterSeats(rows, file=Path("people.csv")))
    assert (refusal.value.code, refusal.value.where.line) == (code, line)
    assert str(refusal.value).startswith(f"people.csv:{line}: ")


# A key that was revoked


def test_a_revoked_person_stays_revoked_and_keeps_the_key_generation() -> None:
    first = after(RosterSeats((ADA, BOB)))
    rows = [_revoked(row) if row.participant.id == "p01" else row for row in first.rows]
    result = reconcile(rows, RosterSeats((BOB, ADA)))
    assert result.changes == ()
    assert [person.state for person in result.participants] == ["revoked", "active"]


def test_a_revoked_person_who_leaves_and_returns_is_still_revoked() -> None:
    gone = reconcile([_revoked(row) for row in after(RosterSeats((ADA,))).rows], RosterSeats(()))
    assert gone.rows[0].participant.state == "removed"
    assert reconcile(gone.rows, RosterSeats((ADA,))).participants[0].state == "revoked"


def test_who_must_stay_though_no_longer_named_is_as_before() -> None:
    first = after(RosterSeats((ADA, BOB, EVE)))
    result = reconcile(first.rows, RosterSeats((ADA,)), {"p02"})
    assert kinds(result) == {"p03": "removed"}
    assert result.participants == first.participants[:2]
    assert kinds(reconcile(result.rows, RosterSeats((ADA,)))) == {"p02": "removed"}


def test_a_seat_that_must_stay_is_not_filled_again() -> None:
    result = reconcile(after(CountedSeats(3)).rows, CountedSeats(2), {"p03"})
    assert ids(result) == ["p01", "p02", "p03"]
    assert ids(reconcile(result.rows, CountedSeats(2))) == ["p01", "p02"]


def _revoked(row: Enrolled) -> Enrolled:
    return replace(row, participant=replace(row.participant, state="revoked"), revoked=True)


# Whatever the spec goes through

mails = st.integers(0, 12).map(lambda number: f"m{number}@example.org")
roster_rows = st.builds(
    RosterRow,
    name=st.sampled_from(["Ada", "Bob", "李", None]),
    email=mails,
    team=st.sampled_from([None, "staff"]),
    id=st.one_of(st.none(), st.integers(0, 12).map(str)),
)
rosters = st.builds(
    RosterSeats,
    st.lists(roster_rows, max_size=8, unique_by=(lambda row: row.email, lambda row: row.binding)).map(tuple),
    st.integers(0, 3),
)
counts = st.builds(CountedSeats, st.integers(0, 12), st.integers(0, 3))
histories = st.lists(st.one_of(counts, rosters), min_size=1, max_size=6)


@given(histories)
def test_the_spec_gets_exactly_the_participants_it_asks_for(history: list[Seats]) -> None:
    result, wanted = after(*history), history[-1]
    ordinary = wanted.count if isinstance(wanted, CountedSeats) else len(wanted.rows)
    assert (len(ids(result, spare=False)), len(ids(result, spare=True))) == (ordinary, wanted.spare)


@given(histories)
def test_reconciling_again_changes_nothing(history: list[Seats]) -> None:
    result = after(*history)
    again = reconcile(result.rows, history[-1])
    assert again.changes == ()
    assert again.rows == result.rows


@given(histories)
def test_ids_and_bindings_are_unique_and_nobody_is_ever_forgotten(history: list[Seats]) -> None:
    rows: tuple[Enrolled, ...] = ()
    for seats in history:
        result = reconcile(rows, seats)
        assert [row.number for row in result.rows] == list(range(1, len(result.rows) + 1))
        assert [row.participant.id for row in result.rows][: len(rows)] == [row.participant.id for row in rows]
        bindings = [row.binding for row in result.rows if row.binding]
        assert len(bindings) == len(set(bindings))
        rows = result.rows


@given(histories)
def test_an_id_never_passes_from_a_seat_to_a_person_or_from_one_person_to_another(history: list[Seats]) -> None:
    rows: tuple[Enrolled, ...] = ()
    for seats in history:
        result = reconcile(rows, seats)
        for old, new in zip(rows, result.rows, strict=False):
            assert (old.binding is None) == (new.binding is None)
            if old.binding != new.binding:  # only an id column that came or went, and then by the same mail
                assert {(old.binding or "")[:3], (new.binding or "")[:3]} == {"id:", "mai"}
                assert old.participant.email == new.participant.email
        rows = result.rows


@given(histories)
def test_a_key_changes_exactly_when_somebody_returns(history: list[Seats]) -> None:
    rows: tuple[Enrolled, ...] = ()
    for seats in history:
        result = reconcile(rows, seats)
        for old, new in zip(rows, result.rows, strict=False):
            grown = int(not old.present and new.present)
            assert new.participant.key_generation == old.participant.key_generation + grown
            assert new.participant.password_generation == old.participant.password_generation + grown
        rows = result.rows


@given(histories, rosters, st.randoms(use_true_random=False))
def test_the_order_of_a_rosters_rows_never_decides_who_somebody_is(
    history: list[Seats], roster: RosterSeats, random: object
) -> None:
    known = after(*history, roster).rows
    shuffled = list(roster.rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a Random
    assert reconcile(known, replace(roster, rows=tuple(shuffled))).changes == ()


@given(histories, rosters, st.randoms(use_true_random=False))
def test_people_who_were_there_before_are_recognised_in_any_order(
    history: list[Seats], roster: RosterSeats, random: object
) -> None:
    before = after(*history)
    shuffled = list(roster.rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a Random
    one, other = reconcile(before.rows, roster), reconcile(before.rows, replace(roster, rows=tuple(shuffled)))
    old = {row.participant.id for row in before.rows}
    assert {p for p in one.participants if p.id in old} == {p for p in other.participants if p.id in old}
