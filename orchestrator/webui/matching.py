"""Which account is whose, and how it differs from what it should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.identity.accounts import Account
from orchestrator.state.accounts import AccountRecord


@dataclass(frozen=True, slots=True)
class Match:
    """A person and the account that is theirs: the state's record and the server's, each None where there is none."""

    person: Account
    record: AccountRecord | None = None
    user: Mapping[str, Any] | None = None
    inherited: bool = False  # from a participant who left and had the same mail
    unproven: bool = False  # at a server elsewhere: found by its mail, so it may be the person's own
    theirs: bool = False  # at a server elsewhere: it is the person's own, so only its groups are changed

    @property
    def sets_password(self) -> bool:
        outdated = self.record is not None and self.record.password_generation != self.person.generation
        mine = self.user is not None and not self.theirs
        return mine and self.person.active and (outdated or self.inherited)

    @property
    def lacks_key(self) -> bool:
        """And it can be had: not so while the person keeps a password that only they know."""
        if self.theirs or not (self.person.active and self.person.keyed):
            return False
        if self.record and self.record.api_key and not self.inherited:
            return False
        return self.sets_password or not (self.record and self.record.password_changed)

    def differences(self) -> dict[str, str]:
        """Fields of the server's record with the values that they should have; no password."""
        if self.user is None or self.theirs:
            return {}
        should = {"role": self.person.role if self.person.active else "pending"}
        if self.person.active:
            should |= {"name": self.person.name, "email": self.person.email.lower()}
        return {field: value for field, value in should.items() if self.user[field] != value}

    @property
    def settled(self) -> bool:
        if self.user is None:
            return not self.person.active
        if self.unproven:
            return False
        if self.theirs:
            return self.record is not None or not self.person.active
        return not (self.differences() or self.sets_password or self.lacks_key)


def match(
    people: Sequence[Account],
    records: Mapping[str, AccountRecord | None],
    users: Sequence[Mapping[str, Any]],
    *,
    elsewhere: bool = False,
) -> list[Match]:
    """By the id in the record, else by mail. An account is one person's: who is active goes first.

    `elsewhere`: the server belongs to others, whose accounts have nothing to do with the workshop.
    """
    by_id = {user["id"]: user for user in users}
    by_mail = {user["email"].lower(): user for user in users}
    claimed = {record.user_id for person in people if person.active and (record := records.get(person.id)) is not None}
    left = {record.user_id for person in people if not person.active and (record := records.get(person.id))}
    theirs = {record.user_id for record in records.values() if record and record.theirs}
    accounts: list[Match] = []
    for person in sorted(people, key=lambda person: not person.active):
        record = records.get(person.id)
        user = by_id.get(record.user_id) if record else None
        if person.active and record and user:
            accounts.append(Match(person, record, user, theirs=record.theirs))
            continue
        user = user or by_mail.get(person.email.lower())
        if user and user["id"] in claimed:  # a mail that is about to change, or somebody else's by now
            user = None
        if user and person.active:
            claimed.add(user["id"])
            kept, heir = user["id"] in theirs, user["id"] in left
            unproven = elsewhere and not (kept or heir)
            inherited = heir and not kept
            accounts.append(Match(person, None, user, inherited=inherited, unproven=unproven, theirs=kept))
        else:
            if elsewhere and record is None:
                user = None
            kept = user is not None and user["id"] in theirs
            accounts.append(Match(person, record if user else None, user, theirs=kept))
    return accounts
