"""Who takes part, decided from who took part before and what the spec asks for. Pure.

The rules: an id is given once and never to someone else; a person of a roster is known by the row's `id`, else by the
lower-cased mail, never by the row's position; who leaves is kept as `removed`, and who returns gets the next generation
of key and password; no other key changes, so a printed card stays good for as long as its person or seat is there.

Commands leave overrides that outlive every reconciling. Who was added stays, though the spec does not name them; once a
roster does, they are an ordinary row. Who was taken out stays out for as long as the spec still names them. Somebody
added takes the lowest spare seat, card and key and all, and that seat is not filled again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from orchestrator.errors import UserError, Where
from orchestrator.identity.participant import Participant
from orchestrator.spec.roster import RosterRow

ChangeKind = Literal["added", "returned", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class CountedSeats:
    """`participants: {count: 30, spare: 3}`."""

    count: int
    spare: int = 0


@dataclass(frozen=True, slots=True)
class RosterSeats:
    """`participants: {roster: people.csv, spare: 3}`."""

    rows: tuple[RosterRow, ...]
    spare: int = 0
    file: Path | None = None


Seats = CountedSeats | RosterSeats


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A participant as the state keeps it. `revoked` is the command's word and outlives leaving and returning."""

    participant: Participant
    binding: str | None = None  # None: a seat, nobody in particular
    revoked: bool = False
    added: bool = False  # by command, and no roster has named them since
    taken_out: bool = False  # by command, though the spec may name them

    @property
    def present(self) -> bool:
        return self.participant.state != "removed"

    @property
    def number(self) -> int:
        return int(self.participant.id[1:])


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What reconciling does to one participant; `before` is None for someone new."""

    kind: ChangeKind
    before: Participant | None
    after: Participant


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Everybody who ever took part, ordered by number, and what is different from before."""

    rows: tuple[Enrolled, ...]
    changes: tuple[PersonChange, ...]

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who is there now: active and revoked ones."""
        return tuple(row.participant for row in self.rows if row.present)


def reconcile(current: Sequence[Enrolled], seats: Seats, kept: AbstractSet[str] = frozenset()) -> Reconciliation:
    """`kept`: ids of people who stay as they are, though the spec does not name them any more.

    Raises UserError `roster_unbound`, `roster_duplicate` for rows that can't be told apart.
    """
    before = sorted(current, key=lambda row: row.number)
    free = [row for row in before if row.binding is None]
    bound = [row for row in before if row.binding is not None]
    if isinstance(seats, CountedSeats):
        ids = new_ids(before, seats.count + seats.spare)
        there = _seated(free, seats.count, _spare(seats, bound), ids)
    else:
        _check(seats)
        ids = new_ids(before, len(seats.rows) + seats.spare)
        people = _people(bound, seats.rows, ids)
        named = {row.participant.id for row in people}
        others = [row for row in bound if row.participant.id not in named]
        there = [*people, *_seated(free, 0, _spare(seats, others), ids)]
    after = {row.participant.id: row if row.added or row.participant.id in kept else _removed(row) for row in before}
    after |= {row.participant.id: row for row in there}
    rows = tuple(sorted(after.values(), key=lambda row: row.number))
    old = {row.participant.id: row.participant for row in before}
    changes = (_change(old.get(row.participant.id), row.participant) for row in rows)
    return Reconciliation(rows, tuple(change for change in changes if change))


def _spare(seats: Seats, bound: Sequence[Enrolled]) -> int:
    """Spare seats that nobody took: those of `bound` who were added and sit on one, or did."""
    return max(0, seats.spare - sum(row.added and row.participant.seat_sign_in for row in bound))


def _seated(free: Sequence[Enrolled], wanted: int, spare: int, ids: Iterator[str]) -> list[Enrolled]:
    """The lowest seats stay, gone ones come back before new ones are made; the last `spare` ones are the spares.

    Without ordinary seats (a roster) the present spares stay first: their cards are still in the drawer.
    """
    present = [row for row in free if row.present or row.taken_out]  # one taken out is not made up for by another
    if not wanted:
        present.sort(key=lambda row: not row.participant.spare)
    gone = [row for row in free if not row.present and not row.taken_out]
    total = wanted + spare
    chosen = sorted([*present, *gone][:total], key=lambda row: row.number)
    chosen += [Enrolled(Participant(id=next(ids))) for _ in range(total - len(chosen))]
    return [_here(row, replace(row.participant, spare=position >= wanted), None) for position, row in enumerate(chosen)]


def _people(bound: Sequence[Enrolled], rows: Sequence[RosterRow], ids: Iterator[str]) -> list[Enrolled]:
    known = _recognise(bound, rows)
    there = []
    for row in rows:
        old = known.get(row) or Enrolled(Participant(id=next(ids)))
        person = replace(old.participant, name=row.name, email=row.email, team=row.team, spare=False)
        there.append(_here(old, person, row.binding))
    return there


def _recognise(bound: Sequence[Enrolled], rows: Sequence[RosterRow]) -> dict[RosterRow, Enrolled]:
    """By binding; then by mail, for a roster whose `id` column came or went since (never from one `id` to another)."""
    left = {row.binding: row for row in bound}
    known = {row: left.pop(row.binding) for row in rows if row.binding in left}
    by_mail: dict[tuple[bool, str], Enrolled] = {}
    for old in sorted(left.values(), key=lambda old: (old.present, old.number)):  # the present one has the last word
        if old.participant.email and old.binding:
            by_mail[old.binding.startswith("id:"), old.participant.email.lower()] = old
    for row in rows:
        if row not in known and row.mail and (old_row := by_mail.get((not row.id, row.mail))):
            known[row] = old_row
    return known


def _here(row: Enrolled, participant: Participant, binding: str | None) -> Enrolled:
    """As the spec names it; who was taken out by command stays out."""
    if row.taken_out:
        return replace(row, participant=participant, binding=binding, added=False)
    back = 0 if row.present else 1
    return Enrolled(
        replace(
            participant,
            state="revoked" if row.revoked else "active",
            key_generation=participant.key_generation + back,
            password_generation=participant.password_generation + back,
        ),
        binding,
        row.revoked,
    )


def returned(row: Enrolled, participant: Participant) -> Enrolled:
    """Back again, with the next key and password, whoever had taken them out."""
    return _here(replace(row, taken_out=False), participant, row.binding)


def taken_out(row: Enrolled) -> Enrolled:
    """Removed by command: out for as long as the spec names them. A spare seat that was taken stays taken."""
    return replace(row, participant=replace(row.participant, state="removed"), taken_out=not row.added)


def _removed(row: Enrolled) -> Enrolled:
    return replace(row, participant=replace(row.participant, state="removed"), taken_out=False)


def new_ids(before: Sequence[Enrolled], total: int) -> Iterator[str]:
    """`before` in order of number. Ids after the highest ever given, as wide as the first one was made."""
    width = len(before[0].participant.id) - 1 if before else max(2, len(str(total)))
    highest = before[-1].number if before else 0
    return (f"p{number:0{width}d}" for number in count(highest + 1))


def _change(before: Participant | None, after: Participant) -> PersonChange | None:
    if before == after:
        return None
    if before is None:
        return PersonChange("added", None, after)
    if after.state == "removed" != before.state:
        return PersonChange("removed", before, after)
    back = before.state == "removed" != after.state
    return PersonChange("returned" if back else "changed", before, after)


def _check(seats: RosterSeats) -> None:
    bindings = Counter(row.binding for row in seats.rows)
    mails = Counter(row.mail for row in seats.rows if row.mail)
    for row in seats.rows:
        where = Where(file=seats.file, line=row.line)
        if row.binding is None:
            raise UserError(
                "roster_unbound", "a row with neither mail nor id", where=where, hint="Give it one of them."
            )
        if bindings[row.binding] > 1 or (row.mail and mails[row.mail] > 1):
            twice = f"id {row.id!r}" if row.id and bindings[row.binding] > 1 else f"mail {row.mail!r}"
            hint = "Each person needs one of their own."
            raise UserError("roster_duplicate", f"{twice} stands in two rows", where=where, hint=hint)
