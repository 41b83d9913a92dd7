"""What each command on connections does to the state, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.spec.connections import connection_problems
from orchestrator.spec.loader import Spec
from orchestrator.spelling import did_you_mean, nearest
from orchestrator.state.connections import ConnectionOverride
from orchestrator.state.state import State
from orchestrator.workflow.wanted.connections import Kept, kept, merged


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was done, or was so already."""

    name: str
    what: str


Decide = Callable[[Spec, State], tuple[Told, ...]]


@dataclass(frozen=True, slots=True)
class Command:
    """`decide` changes the state, all or nothing."""

    name: str
    decide: Decide


def add(name: str, fields: Mapping[str, Any], key: SecretStr | None) -> Command:
    """`fields` as in the spec, without name and key."""

    def decide(spec: Spec, state: State) -> tuple[Told, ...]:
        if any(one.name == name for one in kept(spec, state)):
            hint = f"To change it: workshop connections update SPEC {name}"
            raise UserError("connection_exists", f"there is a connection {name!r} already", hint=hint)
        in_spec = _in_spec(spec, name)
        override = ConnectionOverride(name, added=not in_spec, key_given=key is not None, fields=fields)
        merged(name, None, override)
        if key:
            state.connections.keep_key(name, key)
        state.connections.put(override)
        return (Told(name, "added"),)

    return Command("add", decide)


def update(name: str, fields: Mapping[str, Any], *, from_spec: bool) -> Command:
    """`from_spec` takes back all that commands said of it, then `fields` hold."""

    def decide(spec: Spec, state: State) -> tuple[Told, ...]:
        if from_spec and not _in_spec(spec, name):
            message, hint = f"the spec has no connection {name!r}", "Without --from-spec, the command's values stay"
            raise UserError("connection_not_in_spec", message, hint=hint)
        if from_spec:
            override = ConnectionOverride(name, fields=fields)
        else:
            before = _named(spec, state, [name])[0].override
            override = replace(before, fields={**before.fields, **fields})
        state.connections.put(override)
        return (Told(name, "is as the spec says again" if from_spec and not fields else "changed"),)

    return Command("update", decide)


def rotate(name: str, key: SecretStr) -> Command:
    def decide(spec: Spec, state: State) -> tuple[Told, ...]:
        (one,) = _named(spec, state, [name])
        state.connections.keep_key(name, key)
        state.connections.put(replace(one.override, key_given=True))
        return (Told(name, "has the new key"),)

    return Command("rotate", decide)


def set_enabled(names: Sequence[str], *, enabled: bool) -> Command:
    done = "switched on" if enabled else "switched off"

    def decide(spec: Spec, state: State) -> tuple[Told, ...]:
        told = []
        for one in _named(spec, state, names):
            told.append(Told(one.name, f"was {done} already" if one.section.enabled == enabled else done))
            state.connections.put(replace(one.override, fields={**one.override.fields, "enabled": enabled}))
        return tuple(told)

    return Command("enable" if enabled else "disable", decide)


def delete(names: Sequence[str]) -> Command:
    def decide(spec: Spec, state: State) -> tuple[Told, ...]:
        for one in _named(spec, state, names):
            state.connections.put(ConnectionOverride(one.name, taken_out=one.origin == "spec"))
        return tuple(Told(name, "deleted") for name in dict.fromkeys(names))

    return Command("delete", decide)


def require_no_clashes(spec: Spec, state: State) -> None:
    """As `validate` looks, with what commands said. Raises UserError `connection_clash`."""
    models, webui = spec.workshop.models, spec.workshop.webui
    taken = [*(name for model in models for name in (model.name, *model.aliases)), *(p.name for p in webui.presets)]
    sections = [one.section for one in kept(spec, state)]
    for problem in connection_problems(sections, taken, [function.name for function in webui.functions]):
        name = sections[int(problem.at[0])].name
        raise UserError("connection_clash", f"connection {name}: {problem.message}", hint=problem.hint)


def _in_spec(spec: Spec, name: str) -> bool:
    return any(one.name == name for one in spec.workshop.webui.connections)


def _named(spec: Spec, state: State, names: Iterable[str]) -> tuple[Kept, ...]:
    """Raises UserError `connection_unknown` before anything is changed."""
    found, asked = {one.name: one for one in kept(spec, state)}, dict.fromkeys(names)
    if unknown := [name for name in asked if name not in found]:
        hint = did_you_mean(*(nearest(name, found) for name in unknown))
        raise UserError(
            "connection_unknown",
            f"there is no connection {', '.join(map(repr, unknown))}",
            hint=" ".join(filter(None, (hint, "Their names: workshop connections list SPEC"))),
        )
    return tuple(found[name] for name in asked)


def named(spec: Spec, state: State, names: Sequence[str]) -> tuple[Kept, ...]:
    """These, or all where none is named. Raises UserError `connection_unknown`."""
    return _named(spec, state, names) if names else kept(spec, state)
