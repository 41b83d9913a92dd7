"""The participants, kept: who there is and was, and the overrides that commands leave on them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from orchestrator.errors import UserError
from orchestrator.participants import Participant, ParticipantState
from orchestrator.state.database import Database
from orchestrator.state.seats import Enrolled, Reconciliation, Seats, reconcile


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

    def preview(self, seats: Seats) -> Reconciliation:
        """What `reconcile` would do; writes nothing."""
        return reconcile(self.enrolled(), seats)

    def reconcile(self, seats: Seats) -> Reconciliation:
        """Makes the participants those that the spec asks for (seats.py has the rules)."""
        with self._database.transaction():
            before = self.enrolled()
            result = reconcile(before, seats)
            same = set(before)
            self._put(*(row for row in result.rows if row not in same))
        return result

    def set_revoked(self, participant: str, *, revoked: bool) -> Participant:
        """Takes the key away, or gives the same key back; outlives every `provision`."""
        with self._database.transaction():
            row = self._one(participant)
            state: ParticipantState = "revoked" if revoked else "active"
            person = replace(row.participant, state=state if row.present else "removed")
            self._put(replace(row, participant=person, revoked=revoked))
        return person

    def rotate_key(self, participant: str) -> Participant:
        """The next API key; the one on the card stops working once the gateway knows."""
        with self._database.transaction():
            row = self._one(participant)
            person = replace(row.participant, key_generation=row.participant.key_generation + 1)
            self._put(replace(row, participant=person))
        return person

    def rotate_password(self, participant: str) -> Participant:
        """The next password for the WebUI."""
        with self._database.transaction():
            row = self._one(participant)
            person = replace(row.participant, password_generation=row.participant.password_generation + 1)
            self._put(replace(row, participant=person))
        return person

    def _one(self, participant: str) -> Enrolled:
        row = self._database.row("SELECT * FROM people WHERE id = ?", (participant,))
        if row is None:
            hint = "The ids stand on the cards and in `workshop participants list`."
            raise UserError("participant_unknown", f"there is no participant {participant!r}", hint=hint)
        return _read(row)

    def _put(self, *rows: Enrolled) -> None:
        self._database.write(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " binding = excluded.binding, name = excluded.name, email = excluded.email, team = excluded.team,"
            " spare = excluded.spare, present = excluded.present, revoked = excluded.revoked,"
            " key_generation = excluded.key_generation, password_generation = excluded.password_generation",
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
        ),
        row["binding"],
        bool(row["revoked"]),
    )
