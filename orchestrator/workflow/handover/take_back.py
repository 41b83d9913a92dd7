"""A state that was handed over, and never arrived, counts again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.handed_over import take_back as remove_note
from orchestrator.state.lock import who_is_here, workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.context.open import state_folder


@dataclass(frozen=True, slots=True)
class TakenBack:
    workshop: str
    was_handed_over: bool


def take_back(spec: Spec, settings: Settings, state_dir: Path | None) -> TakenBack:
    """Raises UserError `not_provisioned`."""
    folder = state_folder(spec, state_dir, settings)
    with State.read(folder) as before:
        before.secret  # noqa: B018 - raises where nothing was provisioned
    with workshop_lock(folder, "state take-back", handed_over=True, alone=True), State.open(folder) as state:
        was_handed_over = remove_note(folder)
        if was_handed_over:
            state.events.add("state take-back", f"by {who_is_here()}")
    return TakenBack(spec.workshop.name, was_handed_over)
