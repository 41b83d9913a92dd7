"""The `verify` command: asks everything again, changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.checks.check import Check
from orchestrator.checks.verification import verify as ask_everything
from orchestrator.errors import UserError
from orchestrator.plan.policy import gateway_config
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import containers_on, open_fleet
from orchestrator.workflow.context.open import identity_of, state_folder
from orchestrator.workflow.images.foresee import unavailable
from orchestrator.workflow.prove import subject
from orchestrator.workflow.wanted.desired import instanced, planned
from orchestrator.workflow.wanted.sizes import known


def verify(
    spec: Spec, settings: Settings, state_dir: Path | None, report: Callable[[Check], None]
) -> tuple[Check, ...]:
    """Raises UserError `not_provisioned` where there is nothing to ask."""
    with (
        State.read(state_folder(spec, state_dir, settings)) as state,
        open_fleet(spec, settings, state.deployed.hosts()) as fleet,
    ):
        identity = identity_of(spec, state)
        if not any(containers_on(fleet, spec.workshop.name).values()):
            raise UserError("not_provisioned", "nothing of this workshop runs here", hint=f"provision {spec.file.name}")
        deployment = instanced(spec, planned(spec, unavailable(spec, state), known(spec, state)), identity.people)
        gateway = gateway_config(identity, deployment, {})
        return ask_everything(subject(spec, state, deployment, gateway, fleet), report=report)
