"""What differs inside Open WebUI, in the one for all or in those of participants' or teams' own."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from orchestrator.errors import UserError
from orchestrator.identity.identity import Identity
from orchestrator.plan.deployment import WEBUI_SERVICE, Deployment
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui.wanted import Foreseen
from orchestrator.workflow.changes.change import Change
from orchestrator.workflow.people.knowledge import foreseen
from orchestrator.workflow.people.own_pages import look_at_instances
from orchestrator.workflow.people.seed import foresee


def in_webui(
    spec: Spec,
    state: State,
    identity: Identity | None,
    native: AbstractSet[str],
    changes: Sequence[Change],
    notes: list[str],
) -> list[Change]:
    """Where it stands, it is asked for all that differs; else what is known of it is what was put there last."""
    files = foreseen(spec, state)
    found = [Foreseen("knowledge", files)] if files else []
    if identity and not any(change.name == WEBUI_SERVICE for change in changes):
        try:
            found = list(foresee(spec, state, identity, native))
        except UserError as problem:
            notes.append(f"Open WebUI could not be asked what differs there: {problem.message}")
    return _foreseen(found, changes)


def in_own_webuis(
    spec: Spec,
    settings: Settings,
    state: State,
    deployment: Deployment,
    identity: Identity | None,
    changes: Sequence[Change],
    notes: list[str],
) -> list[Change]:
    """Of those that run and go on running, each line with its name."""
    touched = {change.name for change in changes if change.what == "container"}
    running = [one for stack in deployment.stacks for one in stack.running if one.service not in touched]
    if identity is None:
        return []
    looked = look_at_instances(spec, state, identity, running, settings)
    notes += [
        f"Open WebUI ({service}) could not be asked what differs there: {why}"
        for service, why in looked.unasked.items()
    ]
    return [
        replace(change, name=f"{change.name} in {service}")
        for service, found in looked.found.items()
        for change in _foreseen(found, changes)
    ]


def _foreseen(found: Sequence[Foreseen], changes: Sequence[Change]) -> list[Change]:
    """But for what follows from changes to the people."""
    coming = {f"account {change.name}" for change in changes if change.what == "participant"}
    return [
        Change("update" if one.how else "create", "webui", one.what, None, one.how)
        for one in found
        if one.what not in coming and not (coming and one.what.startswith("group "))
    ]
