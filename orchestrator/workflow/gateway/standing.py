"""The policy that stands at a gateway: what it serves, and whose changes it follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.errors import UserError, Where
from orchestrator.fleet.machine import Machine, RulesThere
from orchestrator.render.policy_file import NEEDED, POLICY
from orchestrator.spec.loader import Spec
from orchestrator.state.lock import who_is_here
from orchestrator.state.state import State

FOLDER = "gateway"  # of the stack's: what is mounted as the gateway's configuration
PATH = f"{FOLDER}/{POLICY}"
OUTDATED, AHEAD = "state_outdated", "the gateway follows newer changes than this state knows, made by {who}"

Policy = Mapping[str, Any]


def rules_there(front: Machine) -> RulesThere:
    """What the gateway goes by, on its host."""
    return front.rules(FOLDER, PATH)


def standing_policy(there: RulesThere) -> dict[str, Any] | None:
    """None where there is none, or none that a version of this program made."""
    try:
        found = json.loads(there.content or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.keys() >= NEEDED else None


def required_policy(front: Machine, there: RulesThere, spec: Spec) -> dict[str, Any]:
    """Raises UserError `policy_unreadable`."""
    found = standing_policy(there)
    if found is None:
        why = "is not a policy that this version made"
        where = Where(file=Path(front.folder / PATH), host=front.name)
        raise UserError("policy_unreadable", why, where=where, hint=f"Put it right: provision {spec.file}")
    return found


def native_models(policy: Policy) -> frozenset[str]:
    """Those that are served on Ollama's own routes too."""
    return frozenset(name for name, model in policy["models"].items() if model.get("ollama"))


def who_is_ahead(state: State, standing: Policy | None) -> str | None:
    """Whoever brought changes to the gateway that this state does not know, in words; None: it knows them all.

    It is another copy of this state, or this one is from a backup.
    """
    if standing is None:
        return None
    change = standing.get("change")
    if change is None:  # written by a version that signed nothing
        return "another copy of its state" if standing.get("revision", 0) > state.changes.revision else None
    return None if state.changes.knows(change["id"]) else f"{change['who']}, on {change['at']}"


def require_newest(state: State, standing: Policy | None, host: str, file: Path, *, older_state: bool = False) -> None:
    """Raises UserError `state_outdated` where the gateway follows changes that this state does not know.

    With `older_state` they are to be undone: what this state says comes after them.
    """
    ahead = who_is_ahead(state, standing)
    if standing is None or ahead is None:
        return
    if not older_state:
        message = f"{AHEAD.format(who=ahead)}: nothing was changed"
        raise UserError(OUTDATED, message, where=Where(host=host), hint=take_in(file))
    if standing["revision"] >= state.changes.revision:
        state.changes.outrun(standing["revision"])


def outdated_note(state: State, standing: Policy | None, file: Path) -> tuple[str, ...]:
    """The same, for those who only look."""
    ahead = who_is_ahead(state, standing)
    if ahead is None:
        return ()
    message = AHEAD.format(who=ahead)
    return (f"{message[0].upper()}{message[1:]}. {take_in(file)}",)


def take_in(file: Path) -> str:
    """How to go on from there."""
    there, here = f"workshop state export {file.name}", "workshop state import FILE --replace"
    lost = f"if that copy is lost: provision {file.name} --older-state undoes what it changed"
    return f"Take that copy in (there: {there}; here: {here}); {lost}"


def signed(state: State) -> dict[str, str]:
    """What made the state's revision, for a policy; to be called when it is about to be written."""
    return asdict(state.changes.sign(who_is_here()))


def last_change(state: State) -> dict[str, str] | None:
    """The same, for those who only look; None: nothing was written since the last change."""
    last = state.changes.last
    return asdict(last) if last else None
