"""What each command on people does to the state, all or nothing, and whom that concerns besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.spec.roster import RosterRow
from orchestrator.state.state import State


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was done, or was so already."""

    person: Participant
    what: str  # "revoked", "was revoked already"


Decide = Callable[[State], tuple[Told, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`decide` changes the state, all or nothing."""

    name: str
    decide: Decide
    accounts: bool = True  # Open WebUI is concerned
    cards: bool = False  # these people get new ones
    needs_webui: bool = False
    archives: tuple[str, ...] = ()  # ids of people whose chats are archived first


def add(newcomer: RosterRow) -> Command:
    how = {
        "there": "was there already",
        "returned": "returned, with a new key",
        "seated": "took this spare seat: its card stays good",
        "added": "added",
    }

    def decide(state: State) -> tuple[Told, ...]:
        arrived = state.people.add(newcomer)
        return (Told(arrived.row.participant, how[arrived.how]),)

    return Command(name="add", decide=decide, cards=True)


def remove(ids: Sequence[str], *, archived: bool = True) -> Command:
    def decide(state: State) -> tuple[Told, ...]:
        return tuple(
            Told(state.people.remove(p.id), "was removed already" if p.state == "removed" else "removed")
            for p in state.people.named(ids)
        )

    return Command(name="remove", decide=decide, archives=tuple(ids) if archived else ())


def revoke(ids: Sequence[str]) -> Command:
    return _set_revoked("revoke", ids, revoked=True)


def restore(ids: Sequence[str]) -> Command:
    return _set_revoked("restore", ids, revoked=False)


def rotate(ids: Sequence[str]) -> Command:
    def decide(state: State) -> tuple[Told, ...]:
        return tuple(Told(state.people.rotate_key(p.id), "has a new key") for p in _present(state, ids))

    return Command(name="rotate", decide=decide, accounts=False, cards=True)


def reset_password(ids: Sequence[str]) -> Command:
    def decide(state: State) -> tuple[Told, ...]:
        _require_ours(state, ids)
        return tuple(Told(state.people.rotate_password(p.id), "has a new password") for p in _present(state, ids))

    return Command(name="reset-password", decide=decide, cards=True, needs_webui=True)


def _set_revoked(name: str, ids: Sequence[str], *, revoked: bool) -> Command:
    state_wanted, done = ("revoked", "revoked") if revoked else ("active", "restored, with the same key")
    already = "was revoked already" if revoked else "was not revoked"

    def decide(state: State) -> tuple[Told, ...]:
        return tuple(
            Told(state.people.set_revoked(p.id, revoked=revoked), already if p.state == state_wanted else done)
            for p in _present(state, ids)
        )

    return Command(name=name, decide=decide)


def _require_ours(state: State, ids: Sequence[str]) -> None:
    """Of a server of others: whose account was there before keeps the password that it has."""
    accounts = state.accounts.all()
    own = [who.id for who in state.people.named(ids) if who.id in accounts and accounts[who.id].theirs]
    if own:
        raise UserError(
            "account_is_theirs",
            f"{', '.join(own)}: the account was there before the workshop, so its password is the person's own",
            hint="They, or an administrator of that Open WebUI, can change it there.",
        )


def _present(state: State, ids: Sequence[str]) -> tuple[Participant, ...]:
    people = state.people.named(ids)
    gone = [person.id for person in people if person.state == "removed"]
    if gone:
        raise UserError(
            "participant_removed",
            f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} removed: there is no key to change",
            hint="Who comes back gets a new key: workshop participants add SPEC --name NAME --email MAIL",
        )
    return people
