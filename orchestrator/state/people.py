"""The participants, kept: who there is and was, and the overrides that commands leave on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant, ParticipantState
from orchestrator.spec.roster import RosterRow
from orchestrator.spelling import did_you_mean, nearest
from orchestrator.state.database import Database
from orchestrator.state.newcomers import Arrived, arrive
from orchestrator.state.seats import Enrolled, Reconciliation, Seats, reconcile, taken_out


class People:
    """Each method that writes is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrolled(self) -> tuple[Enrolled, ...]:
        """Everybody who ever took part, ordered by number."""
        rows = (_read(row) for row in self._database.rows("SELECT * FROM people"))
        return tuple(sorted(rows, key=lambda row: row.number))

    def all(self) -> tuple[Participant, ...]:
        """Removed ones too, ordered by number."""
        return tuple(row.participant for row in self.enrolled())

    def present(self) -> tuple[Participant, ...]:
        """Active and revoked ones, ordered by number."""
        return tuple(row.participant for row in self.enrolled() if row.present)

    def get(self, participant: str) -> Participant:
        """Raises UserError `participant_unknown`."""
        return self._one(participant).participant

    def named(self, ids: Iterable[str]) -> tuple[Participant, ...]:
        """Those with these ids, ordered by number, each once; capitals are as good. Raises `participant_unknown`."""
        known = {person.id: person for person in self.all()}
        wanted = {one: one.strip().lower() for one in ids}
        if unknown := [one for one, name in wanted.items() if name not in known]:
            raise self._unknown(unknown)
        return tuple(person for person in known.values() if person.id in set(wanted.values()))

    def preview(self, seats: Seats) -> Reconciliation:
        """What `reconcile` would do; writes nothing."""
        return reconcile(self.enrolled(), seats)

    def reconcile(self, seats: Seats, kept: AbstractSet[str] = frozenset()) -> Reconciliation:
        """Makes the participants those that the spec asks for, and `kept` (seats.py has the rules)."""
        with self._database.transaction():
            before = self.enrolled()
            result = reconcile(before, seats, kept)
            same = set(before)
            self._put(*(row for row in result.rows if row not in same))
        return result

    def add(self, newcomer: RosterRow) -> Arrived:
        """Somebody who is on no list yet (newcomers.py has the rules); outlives every `provision`."""
        with self._database.transaction():
            before = self.enrolled()
            arrived = arrive(before, newcomer)
            if arrived.row not in before:
                self._put(arrived.row)
        return arrived

    def remove(self, participant: str) -> Participant:
        """Out, for as long as the spec names them."""
        return self._change(participant, lambda row: taken_out(row) if row.present else row)

    def set_revoked(self, participant: str, *, revoked: bool) -> Participant:
        """Takes the key away, or gives the same key back; outlives every `provision`."""
        state: ParticipantState = "revoked" if revoked else "active"

        def change(row: Enrolled) -> Enrolled:
            person = replace(row.participant, state=state if row.present else "removed")
            return replace(row, participant=person, revoked=revoked)

        return self._change(participant, change)

    def rotate_key(self, participant: str) -> Participant:
        """The next API key; the one on the card stops working once the gateway knows."""
        return self._change(participant, lambda row: _with(row, key_generation=row.participant.key_generation + 1))

    def rotate_password(self, participant: str) -> Participant:
        """The next password for the WebUI."""
        return self._change(
            participant, lambda row: _with(row, password_generation=row.participant.password_generation + 1)
        )

    def _change(self, participant: str, change: Callable[[Enrolled], Enrolled]) -> Participant:
        with self._database.transaction():
            row = self._one(participant)
            changed = change(row)
            if changed != row:
                self._put(changed)
        return changed.participant

    def _one(self, participant: str) -> Enrolled:
        row = self._database.row("SELECT * FROM people WHERE id = ?", (participant,))
        if row is None:
            raise self._unknown([participant])
        return _read(row)

    def _unknown(self, ids: Sequence[str]) -> UserError:
        present = self.present()
        known = [person.id for person in present]
        by_mail = {person.email.lower(): person.id for person in present if person.email}
        asked = (one.strip().lower() for one in ids)
        hint = did_you_mean(*(by_mail.get(one) or nearest(one, known) for one in asked))
        return UserError(
            "participant_unknown",
            f"there is no participant {', '.join(map(repr, ids))}",
            hint=" ".join(filter(None, (hint, "The ids stand on the cards and in `workshop participants list`."))),
        )

    def _put(self, *rows: Enrolled) -> None:
        self._database.write(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " binding = excluded.binding, name = excluded.name, email = excluded.email, team = excluded.team,"
            " spare = excluded.spare, present = excluded.present, revoked = excluded.revoked,"
            " key_generation = excluded.key_generation, password_generation = excluded.password_generation,"
            " added = excluded.added, taken_out = excluded.taken_out, seat_sign_in = excluded.seat_sign_in",
            *(
                (
                    row.participant.id,
                    row.binding,
                    row.participant.name,
                    row.participant.email,
                    row.participant.team,
                    int(row.participant.spare),
                    int(row.present),
                    int(row.revoked),
                    row.participant.key_generation,
                    row.participant.password_generation,
                    int(row.added),
                    int(row.taken_out),
                    int(row.participant.seat_sign_in),
                )
                for row in rows
            ),
        )


def _read(row: sqlite3.Row) -> Enrolled:
    state: ParticipantState = "revoked" if row["revoked"] else "active"
    return Enrolled(
        Participant(
            id=row["id"],
            name=row["name"],
            email=row["email"],
            team=row["team"],
            spare=bool(row["spare"]),
            state=state if row["present"] else "removed",
            key_generation=row["key_generation"],
            password_generation=row["password_generation"],
            seat_sign_in=bool(row["seat_sign_in"]),
        ),
        row["binding"],
        bool(row["revoked"]),
        added=bool(row["added"]),
        taken_out=bool(row["taken_out"]),
    )


def _with(row: Enrolled, **generation: int) -> Enrolled:
    return replace(row, participant=replace(row.participant, **generation))  # type: ignore[arg-type]  # mypy reads any field
