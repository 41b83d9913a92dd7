"""Functions: filters, pipes and actions, made from their text, switched on, their valves set.

The workshop's have its mark in their `meta`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.wanted import Function, Seed, Tally, VisibleModel

FUNCTIONS = "/api/v1/functions"


def apply(webui: WebUI, wanted: Seed, tally: Tally) -> tuple[VisibleModel, ...]:
    """The models that pipes add, as entries of the menu. Functions that somebody else made stay as they are.

    One that the server can't load is a line in the tally's failures; the others go on.
    """
    before = tally.changed
    found, mark = stored(webui), wanted.marks.label
    for function in wanted.functions:
        try:
            _apply_one(webui, function, found.pop(function.id, None), tally, mark)
        except WebUIRefused as refused:
            tally.fail(f"function {function.id}", f"{refused.detail} (its log says more: `workshop logs`)")
    for name, one in found.items():
        if mark in (one["meta"] or {}):
            delete(webui, name)
            tally.change(f"function {name}", "removed")
    return _added_models(webui, wanted, changed=tally.changed > before)


def without_those_of_others(webui: WebUI, wanted: Seed, tally: Tally) -> Seed:
    """At a server of others: one with the id of a function of theirs is a line in the failures, and left out."""
    there, mark = stored(webui), wanted.marks.label
    taken = {one.id for one in wanted.functions if one.id in there and mark not in (there[one.id]["meta"] or {})}
    for name in sorted(taken):
        tally.fail(f"function {name}", "somebody else's of this id is there, and stays: give yours another id")
    models = (
        replace(
            model,
            filters=tuple(one for one in model.filters if one not in taken),
            actions=tuple(one for one in model.actions if one not in taken),
        )
        for model in wanted.models
    )
    functions = tuple(one for one in wanted.functions if one.id not in taken)
    return replace(wanted, models=tuple(models), functions=functions)


def stored(webui: WebUI) -> dict[str, dict[str, Any]]:
    """All that the server has, by id."""
    return {one["id"]: one for one in webui.get(f"{FUNCTIONS}/export")}


def delete(webui: WebUI, function: str) -> None:
    webui.delete(f"{FUNCTIONS}/id/{function}/delete")


def _apply_one(webui: WebUI, function: Function, found: dict[str, Any] | None, tally: Tally, mark: str) -> None:
    path, changes = f"{FUNCTIONS}/id/{function.id}", []
    if found is None and not webui.writes:
        tally.create(f"function {function.id}")  # and nothing could be read back
        return
    if found is None or not _is_as_wanted(function, found, mark):
        found = _write(webui, function, found, mark)
        changes.append("put right")
    for switch, field, should in (
        ("toggle", "is_active", True),
        ("toggle/global", "is_global", function.everywhere and function.kind != "pipe"),
    ):
        if found[field] != should:
            webui.post(f"{path}/{switch}", None)
            changes.append("switched")
    if function.valves and (different := _different_valves(webui, function)):
        webui.post(f"{path}/valves/update", different, repeatable=True)
        changes.append("valves set")
    if changes:
        tally.change(f"function {function.id}", ", ".join(dict.fromkeys(changes)))
    else:
        tally.keep()


def _write(webui: WebUI, function: Function, found: dict[str, Any] | None, mark: str) -> dict[str, Any]:
    """The function as the server then has it. It may rewrite old imports: what it kept is noted beside what it got."""
    if found and not webui.writes:
        return found
    path = f"{FUNCTIONS}/id/{function.id}"
    webui.post(
        f"{path}/update" if found else f"{FUNCTIONS}/create", _form(function, mark), repeatable=found is not None
    )
    kept = dict(webui.get(path))
    if kept["content"] != function.content:
        kept = dict(webui.post(f"{path}/update", _form(function, mark, _digest(kept["content"])), repeatable=True))
    return kept


def _form(function: Function, mark: str, kept: str | None = None) -> dict[str, Any]:
    noted = {"given": _digest(function.content), "kept": kept or _digest(function.content)}
    meta = {"description": function.description, mark: noted}
    return {"id": function.id, "name": function.title, "content": function.content, "meta": meta}


def _is_as_wanted(function: Function, found: dict[str, Any], mark: str) -> bool:
    noted = found["meta"].get(mark) or {}
    return (
        (found["name"], found["meta"].get("description") or "") == (function.title, function.description)
        and noted.get("given") == _digest(function.content)
        and noted.get("kept") == _digest(found["content"])
    )


def _different_valves(webui: WebUI, function: Function) -> dict[str, Any]:
    """All valves with those of the spec, if one of these differs; else none."""
    found = webui.get(f"{FUNCTIONS}/id/{function.id}/valves") or {}
    should = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in function.valves.items()
    }
    return {**found, **should} if any(found.get(name) != value for name, value in should.items()) else {}


def _added_models(webui: WebUI, wanted: Seed, *, changed: bool) -> tuple[VisibleModel, ...]:
    """A pipe adds a model under its id, or several under `ID.NAME`.

    The backends are asked again only after a change, or where the server knows no model of a pipe yet.
    """
    pipes = {function.id: function for function in wanted.functions if function.kind == "pipe"}
    if not pipes:
        return ()
    listed = [] if changed else _of_pipes(webui.get("/api/models"), pipes)
    if pipes.keys() - {owner for _, owner in listed}:
        listed = _of_pipes(webui.get("/api/models", refresh="true"), pipes)
    return tuple(VisibleModel(one["id"], "function", pipes[owner].teams, title=one["name"]) for one, owner in listed)


def _of_pipes(answer: dict[str, Any], pipes: Mapping[str, Function]) -> list[tuple[dict[str, Any], str]]:
    """Each model that one of these adds, and the pipe's id."""
    listed = ((one, one["id"].partition(".")[0]) for one in answer["data"] if "pipe" in one)
    return [(one, owner) for one, owner in listed if owner in pipes]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
