"""Changes to connections while the class runs: the state, then Open WebUI.

Killed between the two, the same command or the next `provision` does the rest.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.plan.deployment import WEBUI_SERVICE
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.connections.commands import Command, require_no_clashes
from orchestrator.workflow.connections.look import Connections, require_page, shown
from orchestrator.workflow.context.hosts import holding_front
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.gateway.served import served_natively
from orchestrator.workflow.people.seed import seed_own_connections
from orchestrator.workflow.wanted.connections import wanted_connections

STOPPED = "Open WebUI does not run: provision brings the connections in line"


def change(spec: Spec, settings: Settings, state_dir: Path | None, report: Report, command: Command) -> Connections:
    """Raises UserError `not_provisioned`, `connection_unknown` and others before anything is changed.

    `webui_parts`: it is kept and in effect, as far as a connection that does not answer lets it.
    """
    require_page(spec)
    folder, name = provisioned_folder(spec, state_dir, settings), f"connections {command.name}"
    with (
        workshop_lock(folder, name),
        State.open(folder) as state,
        holding_front(spec, settings, state, name) as front,
    ):
        report.step("Connections")
        with state.transaction():
            told = command.decide(spec, state)
            require_no_clashes(spec, state)
            wanted_connections(spec, state)  # a secret of the spec that can't be read is told before
            state.events.add(name, "; ".join(f"{one.name}: {one.what}" for one in told))
        state.connections.forget_keys()
        report.step("Open WebUI")
        if not front.docker.runs(spec.workshop.name, WEBUI_SERVICE):
            return shown(spec, state, told, (STOPPED,))
        seed_own_connections(spec, state, served_natively(spec, state, settings), report.say)
        return shown(spec, state, told)
