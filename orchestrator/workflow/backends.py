"""Backends of a running class: which there are, and taking one out of the rotation for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import UserError
from orchestrator.fleet.gateway_admin import GatewayAdmin, GatewayDownError
from orchestrator.fleet.machine import Machine
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.spelling import did_you_mean, nearest
from orchestrator.state.lock import people_lock, workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import at_front, holding_front
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.gateway.live import bring_into_effect
from orchestrator.workflow.gateway.standing import (
    PATH,
    Policy,
    require_newest,
    required_policy,
    rules_there,
    standing_policy,
)

BackendState = Literal["up", "down", "drained", "unknown"]
NO_POLICY = "The gateway has no policy that can be read, so no backends: provision puts it right"
NOT_ASKED = "The gateway does not answer: what it would say of its backends is not known"


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """`unknown` and None where the gateway could not be asked."""

    name: str
    model: str
    state: BackendState
    in_flight: int | None  # requests that it answers now


@dataclass(frozen=True, slots=True)
class Backends:
    workshop: str
    backends: tuple[BackendStatus, ...]  # in the order of the spec's models
    notes: tuple[str, ...] = ()


def listed(spec: Spec, settings: Settings, state_dir: Path | None) -> Backends:
    """Looks only. Raises UserError `not_provisioned`."""
    with (
        State.read(provisioned_folder(spec, state_dir, settings)) as state,
        at_front(spec, settings, state.deployed.hosts()) as front,
    ):
        return _seen(spec, state, front)


def drain(spec: Spec, settings: Settings, state_dir: Path | None, names: Sequence[str]) -> Backends:
    """No new requests for these; what runs there goes on. Raises UserError `backend_unknown`."""
    return _set(spec, settings, state_dir, names, drained=True)


def resume(spec: Spec, settings: Settings, state_dir: Path | None, names: Sequence[str]) -> Backends:
    """They are in the rotation again. Raises UserError `backend_unknown`."""
    return _set(spec, settings, state_dir, names, drained=False)


def _set(spec: Spec, settings: Settings, state_dir: Path | None, names: Sequence[str], *, drained: bool) -> Backends:
    command = f"backends {'drain' if drained else 'resume'}"
    folder = provisioned_folder(spec, state_dir, settings)
    with (
        workshop_lock(folder, command),
        State.open(folder) as state,
        holding_front(spec, settings, state, command) as front,
    ):
        with people_lock(folder):
            there = rules_there(front)
            policy = required_policy(front, there, spec) if PATH in there.files else None
            require_newest(state, policy, front.name, spec.file)
            _require_known(names, {*_models(spec, policy), *(() if drained else state.drained.all())})
            with state.transaction():
                change = state.drained.add if drained else state.drained.remove
                change(names)
                state.events.add(command, ", ".join(names))
            notes = bring_into_effect(spec, state, front, backends=names, there=there)
        return _seen(spec, state, front, notes)


def _models(spec: Spec, policy: Policy | None) -> dict[str, list[str]]:
    """Backend to the models that it serves at the gateway, in the order of the spec; nothing before it was started."""
    found: dict[str, list[str]] = {}
    if policy is None:
        return found
    order = [model.name for model in spec.workshop.models]
    for model in sorted(policy["models"], key=lambda name: order.index(name) if name in order else len(order)):
        for upstream in policy["models"][model]["upstreams"]:
            for server in policy["upstreams"][upstream]["servers"]:
                found.setdefault(server["backend"], []).append(model)
    return found


def _require_known(names: Sequence[str], known: set[str]) -> None:
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    hint = did_you_mean(*(nearest(name, known) for name in unknown))
    raise UserError(
        "backend_unknown",
        f"there is no backend {', '.join(map(repr, unknown))}",
        hint=" ".join(filter(None, (hint, "Their names: workshop backends list SPEC"))),
    )


def _seen(spec: Spec, state: State, front: Machine, notes: tuple[str, ...] = ()) -> Backends:
    policy, drained = standing_policy(rules_there(front)), state.drained.all()
    models, answer = _models(spec, policy), _ask(spec, front)
    if policy is None:
        notes = (*notes, NO_POLICY)
    elif answer is None and not notes:
        notes = (NOT_ASKED,)
    found = tuple(_one(name, served, answer or {}, name in drained) for name, served in models.items())
    return Backends(spec.workshop.name, found, (*notes, *_without_backend(models, drained)))


def _ask(spec: Spec, front: Machine) -> Mapping[str, Any] | None:
    gateway = front.docker.container(spec.workshop.name, GATEWAY_SERVICE)
    if gateway is None:
        return None
    try:
        found: Mapping[str, Any] = GatewayAdmin(front.docker, gateway.id).get("/backends")
    except GatewayDownError:
        return None
    return found


def _one(name: str, models: Sequence[str], answer: Mapping[str, Any], drained: bool) -> BackendStatus:
    told = answer.get(name)
    state: BackendState = told["state"] if told else "drained" if drained else "unknown"
    return BackendStatus(name, ", ".join(models), state, told["in_flight"] if told else None)


def _without_backend(models: Mapping[str, Sequence[str]], drained: frozenset[str]) -> tuple[str, ...]:
    """Models whose every backend is drained: participants are told that it does not answer."""
    every = dict.fromkeys(model for served in models.values() for model in served)
    taking = {model for name, served in models.items() if name not in drained for model in served}
    return tuple(f"All backends of {model} are drained: nobody can use it" for model in every if model not in taking)
