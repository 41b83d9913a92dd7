"""Participants as `participants list` and `handouts` see them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.handouts.values import Written
from orchestrator.identity.credentials import Credentials
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.handed_over import require_in_charge
from orchestrator.state.state import State
from orchestrator.workflow.context.open import identity_of, provisioned_folder
from orchestrator.workflow.gateway.served import served_natively
from orchestrator.workflow.people.credentials import credentials
from orchestrator.workflow.people.print import handouts


def listed(spec: Spec, settings: Settings, state_dir: Path | None, *, everybody: bool) -> tuple[Credentials, ...]:
    """Those who take part, ordered by id; with `everybody` the removed ones too. Raises UserError `not_provisioned`."""
    with State.read(provisioned_folder(spec, state_dir, settings)) as state:
        people = [person for person in state.people.all() if everybody or person.state != "removed"]
        return credentials(identity_of(spec, state), people, state)


def print_again(spec: Spec, settings: Settings, state_dir: Path | None, to: Path | None) -> Written:
    """Write the handouts again, from the state. Raises UserError `not_provisioned`."""
    with State.read(provisioned_folder(spec, state_dir, settings)) as state:
        require_in_charge(state.folder)
        return handouts(spec, state, served_natively(spec, state, settings), to)
