"""Connections as `workshop connections list` shows them: what they should be, and how they stand in Open WebUI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.errors import UserError
from orchestrator.settings import Settings
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui import ollama_rows
from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import READ, Row, rows_of
from orchestrator.workflow.connections.commands import Told
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.people.seed import administrator
from orchestrator.workflow.wanted.connections import Kept, Origin, kept

Standing = Literal["on", "off", "absent", "unknown"]
KeyFrom = Literal["spec", "command", "missing"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One connection. `models` are those that it is kept to; None: all that it lists."""

    name: str
    kind: str
    url: str
    prefix: str | None
    tags: tuple[str, ...]
    models: tuple[str, ...] | None
    teams: tuple[str, ...] | None
    enabled: bool
    origin: Origin
    changed: tuple[str, ...]  # fields that commands replaced
    key: KeyFrom | None  # where its key comes from
    state: Standing  # in Open WebUI
    offers: tuple[str, ...]  # what participants call its models there


@dataclass(frozen=True, slots=True)
class Connections:
    workshop: str
    connections: tuple[Shown, ...]
    told: tuple[Told, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether each stands in Open WebUI as it should."""
        return all(one.state == ("on" if one.enabled else "off") for one in self.connections)


def listed(spec: Spec, settings: Settings, state_dir: Path | None) -> Connections:
    """Looks only. Raises UserError `not_provisioned`, `no_webui`."""
    require_page(spec)
    with State.read(provisioned_folder(spec, state_dir, settings)) as state:
        return shown(spec, state)


def shown(spec: Spec, state: State, told: tuple[Told, ...] = (), notes: tuple[str, ...] = ()) -> Connections:
    rows: Mapping[str, Row] | None = None
    try:
        rows = rows_there(administrator(spec, state))
    except UserError as problem:
        notes = (*notes, f"How they stand there is not known: {problem}")
    found = tuple(_one(one, rows, state) for one in kept(spec, state))
    return Connections(spec.workshop.name, found, told, notes)


def rows_there(webui: WebUI) -> dict[str, Row]:
    """The workshop's own, by name; the gateway's is not among them."""
    rows = (*rows_of(webui.get(READ)), *ollama_rows.rows_of(webui.get(ollama_rows.READ)))
    return {mark: row for row in rows if (mark := row.mark)}


def require_page(spec: Spec) -> None:
    if spec.workshop.webui.is_own:
        message = "these commands are for the Open WebUI that everybody shares, and here are several"
        raise spec.problem(("webui",), "no_webui", message, "Change webui.connections in the spec, and provision")
    if not spec.workshop.webui.is_here:
        message = "this workshop has no Open WebUI of its own for everybody, so it has no connections"
        raise spec.problem(("webui",), "no_webui", message, "Participants ask the gateway: add an external model")


def _one(one: Kept, rows: Mapping[str, Row] | None, state: State) -> Shown:
    section, row = one.section, (rows or {}).get(one.name)
    standing: Standing = "unknown" if rows is None else "absent" if row is None else "on" if row.is_on else "off"
    key: KeyFrom | None = "spec" if section.api_key else None
    if one.override.key_given:
        key = "command" if state.connections.key(one.name) else "missing"
    return Shown(
        name=one.name,
        kind=section.kind,
        url=section.address,
        prefix=section.prefix,
        tags=tuple(section.tags),
        models=None if section.models is None else tuple(section.models),
        teams=teams.given(section.teams),
        enabled=section.enabled,
        origin=one.origin,
        changed=one.changed,
        key=key,
        state=standing,
        offers=row.ids if row else (),
    )
