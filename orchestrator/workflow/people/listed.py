"""Participants as `participants list` and `handouts` see them."""

from __future__ import annotations

from pathlib import Path

from orchestrator.handouts.values import Written
from orchestrator.participants import Credentials
from orchestrator.plan.policy import gateway_config
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.lock import WorkshopLock
from orchestrator.state.state import State
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.images.foresee import unavailable
from orchestrator.workflow.people.credentials import credentials
from orchestrator.workflow.people.print import handouts
from orchestrator.workflow.wanted.address import addresses
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known


def listed(spec: Spec, settings: Settings, state_dir: Path | None, *, everybody: bool) -> tuple[Credentials, ...]:
    """Those who take part, ordered by id; with `everybody` the removed ones too. Raises UserError `not_provisioned`."""
    with State.read(provisioned_folder(spec, state_dir, settings)) as state:
        people = [person for person in state.people.all() if everybody or person.state != "removed"]
        return credentials(spec.workshop, people, state, addresses(spec.workshop))


def print_again(spec: Spec, settings: Settings, state_dir: Path | None, to: Path | None) -> Written:
    """Write the handouts again, from the state. Raises UserError `not_provisioned`."""
    folder = provisioned_folder(spec, state_dir, settings)
    with WorkshopLock(folder, "handouts"), State.open(folder) as state:
        deployment = planned(spec, unavailable(spec, state), known(spec, state))
        people = state.people.all()
        models = gateway_config(spec.workshop, deployment, people, state.secret, {}).models
        return handouts(spec, state, people, addresses(spec.workshop), models, to)
