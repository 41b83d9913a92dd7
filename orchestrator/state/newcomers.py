"""Somebody comes who is not on the list: which id, key and seat they get. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.spec.roster import RosterRow
from orchestrator.state.seats import Enrolled, new_ids, returned

Arrival = Literal["there", "returned", "seated", "added"]


@dataclass(frozen=True, slots=True)
class Arrived:
    """`row` is what to keep of them; `how` they came: already there, back again, on a spare seat, with a new id."""

    row: Enrolled
    how: Arrival


def arrive(current: Sequence[Enrolled], newcomer: RosterRow) -> Arrived:
    """Known by the mail; who was here before returns; else the lowest spare seat, else a new id.

    Raises UserError `participant_exists` where somebody else is there with that mail.
    """
    before = sorted(current, key=lambda row: row.number)
    known = _known(before, newcomer)
    if known and known.present:
        if _same(known.participant, newcomer):
            return Arrived(known, "there")
        who = f"{known.participant.id} ({known.participant.label})"
        raise UserError(
            "participant_exists",
            f"{newcomer.email} is the mail of {who} already",
            hint="Give this person another mail, or remove the other one first.",
        )
    if known:
        person = replace(known.participant, name=newcomer.name, email=newcomer.email, team=newcomer.team, spare=False)
        return Arrived(replace(returned(known, person), added=True), "returned")
    seat = next((row for row in before if _is_free(row)), None)
    old = seat or Enrolled(Participant(id=next(new_ids(before, 1))))
    person = replace(
        old.participant,
        name=newcomer.name,
        email=newcomer.email,
        team=newcomer.team,
        spare=False,
        seat_sign_in=seat is not None,
    )
    row = replace(old, participant=person, binding=newcomer.binding, added=True)
    return Arrived(row, "seated" if seat else "added")


def _known(rows: Sequence[Enrolled], newcomer: RosterRow) -> Enrolled | None:
    """Whoever has this mail; who is here goes before who left, and of those the last one."""
    same = [row for row in rows if row.binding and newcomer.mail in _mails(row)]
    return max(same, key=lambda row: (row.present, row.number), default=None)


def _mails(row: Enrolled) -> set[str]:
    own = {row.participant.email.lower()} if row.participant.email else set()
    return own | ({row.binding.removeprefix("mail:")} if row.binding and row.binding.startswith("mail:") else set())


def _same(person: Participant, newcomer: RosterRow) -> bool:
    return (person.name, person.team) == (newcomer.name, newcomer.team)


def _is_free(row: Enrolled) -> bool:
    return row.present and row.participant.spare and row.binding is None and not row.revoked
