"""Asks each connection for its models, through Open WebUI, and looks whether they stand in its menu."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.checks.answers import names
from orchestrator.checks.check import Check
from orchestrator.errors import UserError
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import Row
from orchestrator.webui.provider import Answer, ask, ask_model
from orchestrator.webui.wanted import Connection
from orchestrator.workflow.connections.commands import named
from orchestrator.workflow.connections.look import require_page, rows_there
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.people.seed import administrator
from orchestrator.workflow.wanted.connections import wanted_connections


def verify(spec: Spec, settings: Settings, state_dir: Path | None, chosen: Sequence[str]) -> tuple[Check, ...]:
    """Of these, or of all that are switched on. Changes nothing.

    Raises UserError `not_provisioned`, `connection_unknown`, and where Open WebUI itself can't be asked.
    """
    require_page(spec)
    with State.read(provisioned_folder(spec, state_dir, settings)) as state:
        asked = {one.name for one in named(spec, state, chosen) if chosen or one.section.enabled}
        webui = administrator(spec, state)
        rows = rows_there(webui)
        found: list[Check] = []
        for one in wanted_connections(spec, state):
            row = rows.get(one.name)
            if one.name in asked:
                known = replace(one, key=row.secret) if one.keeps_key and row else one
                found += _checks(webui, known, row)
        return tuple(found)


def _checks(webui: WebUI, one: Connection, row: Row | None) -> Iterator[Check]:
    yield _timed(one, lambda: _answers(webui, one, row))
    yield _timed(one, lambda: _stands(webui, one, row))


def _answers(webui: WebUI, one: Connection, row: Row | None) -> tuple[str, str, str, bool]:
    """Its list; where a provider has none, a question to the first model that the spec names."""
    answer = ask(webui, one)
    if answer.models:
        missing = [model for model in one.models if not _is_listed(model, answer, one.kind)]
        got = names(answer.models) if not missing else f"no {', '.join(missing)}"
        return "List of models", names(one.models) if one.models else "models", got, not missing
    if answer.silent or not one.models or row is None or not row.is_on:
        return "List of models", "models", answer.problem or "", False
    problem = ask_model(webui, row.ids[0], one)
    return "Question", f"an answer of {row.ids[0]}", problem or f"an answer; it {answer.problem}", problem is None


def _is_listed(model: str, answer: Answer, kind: str) -> bool:
    return model in answer.models or (kind == "ollama" and f"{model}:latest" in answer.models)


def _stands(webui: WebUI, one: Connection, row: Row | None) -> tuple[str, str, str, bool]:
    name = "In Open WebUI"
    if row is None or not row.is_on:
        expected = "on" if one.enabled else "off"
        return name, expected, "absent" if row is None else "off", not one.enabled and row is not None
    listed = {model["id"] for model in webui.get("/api/models")["data"]}
    there = [model for model in row.ids if model in listed]
    return name, names(row.ids), names(there), len(there) == len(row.ids)


def _timed(one: Connection, ask_it: Callable[[], tuple[str, str, str, bool]]) -> Check:
    begun = time.monotonic()
    try:
        name, expected, got, ok = ask_it()
    except UserError as problem:
        name, expected, got, ok = "In Open WebUI", "an answer", problem.message, False
    return Check(name, f"connection {one.name}", expected, got, ok=ok, seconds=time.monotonic() - begun)
