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
from orchestrator.plan.gateway import GatewayConfig
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.spelling import did_you_mean, nearest
from orchestrator.state.lock import WorkshopLock
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import at_front, holding_front
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.gateway.live import bring_into_effect, live_config

BackendState = Literal["up", "down", "drained", "unknown"]
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
        WorkshopLock(folder, command),
        State.open(folder) as state,
        holding_front(spec, settings, state, command) as front,
    ):
        _require_known(names, {*_models(live_config(spec, state)), *(() if drained else state.drained.all())})
        with state.transaction():
            change = state.drained.add if drained else state.drained.remove
            change(names)
            state.events.add(command, ", ".join(names))
        notes = bring_into_effect(spec, state, front, backends=names)
        return _seen(spec, state, front, notes)


def _models(config: GatewayConfig) -> dict[str, list[str]]:
    """Backend to the models that it serves."""
    servers = {upstream.name: upstream.servers for upstream in config.upstreams}
    found: dict[str, list[str]] = {}
    for model in config.models:
        for upstream in model.upstreams:
            for server in servers[upstream]:
                found.setdefault(server.backend, []).append(model.name)
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
    models, drained = _models(live_config(spec, state)), state.drained.all()
    answer = _ask(spec, front)
    if answer is None and not notes:
        notes = (NOT_ASKED,)
    found = tuple(_one(name, served, answer or {}, name in drained) for name, served in models.items())
    return Backends(spec.workshop.name, found, (*notes, *_without_backend(models, drained)))


def _ask(spec: Spec, front: Machine) -> Mapping[str, Any] | None:
    gateway = front.docker.containers(spec.workshop.name).get(GATEWAY_SERVICE)
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
