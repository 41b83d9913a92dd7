"""What commands begin with: the spec, its state, its people."""

from __future__ import annotations

from pathlib import Path

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.folder import StateFolder
from orchestrator.state.seats import CountedSeats, RosterSeats, Seats, reconcile
from orchestrator.state.state import State


def state_folder(spec: Spec, state_dir: Path | None, settings: Settings) -> StateFolder:
    """`--state-dir` first, then WORKSHOP_STATE_DIR, else beside the spec."""
    return StateFolder.for_spec(spec.file, spec.workshop.name, state_dir or settings.state_dir)


def provisioned_folder(spec: Spec, state_dir: Path | None, settings: Settings) -> StateFolder:
    """For commands on a class that is there: nothing is made or locked before. Raises UserError `not_provisioned`."""
    folder = state_folder(spec, state_dir, settings)
    with State.read(folder) as state:
        _ = state.secret
    return folder


def identity_of(spec: Spec, state: State) -> Identity:
    """Of everybody whom the state knows. Raises UserError `not_provisioned` where there is no secret yet."""
    return Identity(state.secret, spec.workshop, state.people.all())


def seats(spec: Spec) -> Seats:
    """The seats that the spec asks for."""
    section = spec.workshop.participants
    if spec.roster is None:
        return CountedSeats(section.count or 0, section.spare)
    return RosterSeats(spec.roster, section.spare, spec.path(section.roster) if section.roster else None)


def newcomers(spec: Spec) -> tuple[Participant, ...]:
    """Everybody whom the spec asks for, as if nobody had been there before."""
    return reconcile((), seats(spec)).participants
