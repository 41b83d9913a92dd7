"""Open WebUI's own connections: what the spec says, and what commands said in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import SecretStr, ValidationError

from orchestrator.errors import UserError
from orchestrator.spec import connections as given
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.spec.values import SecretReference
from orchestrator.state.connections import ConnectionOverride
from orchestrator.state.state import State
from orchestrator.webui.wanted import Connection

Origin = Literal["spec", "command"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A connection as it should be, and where that comes from."""

    section: given.Connection
    origin: Origin
    override: ConnectionOverride

    @property
    def name(self) -> str:
        return self.section.name

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that commands replaced."""
        return tuple(sorted(self.override.fields)) if self.origin == "spec" else ()


def kept(spec: Spec, state: State) -> tuple[Kept, ...]:
    """In the spec's order, then those that commands added, by name; without those that commands took out."""
    overrides = state.connections.all()
    named = {one.name: one for one in spec.workshop.webui.connections}
    found = []
    for name in (*named, *sorted(overrides.keys() - named.keys())):
        override = overrides.get(name, ConnectionOverride(name))
        if override.taken_out or not (name in named or override.added):
            continue
        found.append(Kept(merged(name, named.get(name), override), "spec" if name in named else "command", override))
    return tuple(found)


def merged(name: str, section: given.Connection | None, override: ConnectionOverride) -> given.Connection:
    """Raises UserError `connection_invalid` where the two don't go together."""
    base = {} if section is None else {field: getattr(section, field) for field in section.model_fields_set}
    try:
        return given.Connection.model_validate({"name": name, **base, **override.fields})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        problems = (first.get("ctx") or {}).get("problems")
        at, message = (problems[0].at, problems[0].message) if problems else (first["loc"], first["msg"])
        place = ".".join(map(str, at)) or "it"
        hint = "Give another value, or --from-spec for the spec's own"
        raise UserError("connection_invalid", f"connection {name}: {place}: {message}", hint=hint) from None


def overrides(spec: Spec, state: State) -> list[str]:
    """What commands said, and no `provision` takes back: a line for each connection."""
    named = {one.name for one in spec.workshop.webui.connections}
    return [
        f"connection {name}: {'; '.join(_said(override, in_spec=name in named))}, by command, and stays so"
        for name, override in state.connections.all().items()
        if name in named or override.added
    ]


def _said(override: ConnectionOverride, *, in_spec: bool) -> list[str]:
    if override.taken_out:
        return ["taken out"]
    said = [] if in_spec else ["added"]
    if "enabled" in override.fields and (in_spec or not override.fields["enabled"]):
        said.append("switched on" if override.fields["enabled"] else "switched off")
    if in_spec and (fields := sorted(override.fields.keys() - {"enabled"})):
        said.append(f"{', '.join(fields)} changed")
    if in_spec and override.key_given:
        said.append("given another key")
    return said


def wanted_connections(spec: Spec, state: State) -> tuple[Connection, ...]:
    """As Open WebUI should hold them. Raises UserError where the spec refers to a secret that can't be read."""
    return tuple(_wanted(spec, state, one) for one in kept(spec, state))


def open_connections(spec: Spec) -> tuple[Connection, ...]:
    """Of the spec, for those who may read all that their Open WebUI knows: without keys, and commands change none."""
    return tuple(_connection(spec, section) for section in spec.workshop.webui.connections)


def provided_for(
    spec: Spec, state: State, team: str | None, kinds: Sequence[str] = ("openai", "ollama")
) -> tuple[str, ...]:
    """Models that a member of this team must see: those that are listed here, and not only by the provider."""
    sections = (one.section for one in kept(spec, state))
    seen = [one for one in sections if one.enabled and one.kind in kinds and teams.are_open(one.teams, team)]
    return tuple(name for one in seen for name in one.known_ids)


def connected(spec: Spec, state: State) -> tuple[str, ...]:
    """What models of connections are called, as far as it is known: the name, or the prefix before it."""
    sections = [one.section for one in kept(spec, state)]
    return tuple(name for one in sections for name in (*one.known_ids, *([one.prefix] if one.prefix else [])))


def _wanted(spec: Spec, state: State, one: Kept) -> Connection:
    key = _key(spec, state, one)
    return replace(_connection(spec, one.section), key=key, keeps_key=one.override.key_given and key is None)


def _connection(spec: Spec, section: given.Connection) -> Connection:
    """But for its key."""
    return Connection(
        name=section.name,
        kind=section.kind,
        url=section.address,
        prefix=section.prefix or "",
        tags=tuple(section.tags),
        models=tuple(section.models or ()),
        enabled=section.enabled,
        headers={
            name: spec.secret(value) if isinstance(value, SecretReference) else value
            for name, value in section.headers.items()
        },
        teams=teams.given(section.teams),
    )


def _key(spec: Spec, state: State, one: Kept) -> SecretStr | None:
    if one.override.key_given:
        return state.connections.key(one.name)
    return spec.secret(one.section.api_key) if one.section.api_key else None
