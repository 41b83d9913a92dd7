"""Who sees which model: a grant to a group for each, nothing public. The rule is the gateway's."""

from __future__ import annotations

from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.groups import EVERYBODY, team_group
from orchestrator.webui.wanted import Seed, Tally, VisibleModel

MARK = "workshop"  # in a record's `meta`: made here, so removed here


def apply(webui: WebUI, wanted: Seed, groups: dict[str, str], tally: Tally) -> None:
    """`groups`: ids by name. Presets and models of other connections stay as they are."""
    records = {record["id"]: record for record in webui.get("/api/v1/models/base")}
    for model in wanted.models:
        _apply_one(webui, model, _grants(model, groups), records.pop(model.name, None), tally)
    for name, record in records.items():
        if MARK in (record.get("meta") or {}):
            webui.post("/api/v1/models/model/delete", {"id": name})
            tally.change(f"model {name}", "removed")


def load(webui: WebUI, wanted: Seed, *, changed: bool) -> None:
    """Makes the server load its list of models, without which a chat may still be told `Model not found`.

    Only a change asks the backends again: one that hangs would hold up every run.
    """
    names = {model.name for model in wanted.models}
    if changed or not names <= {model["id"] for model in webui.get("/api/models")["data"]}:
        webui.get("/api/models", refresh="true")


def _apply_one(
    webui: WebUI, model: VisibleModel, grants: list[dict[str, str]], found: dict[str, Any] | None, tally: Tally
) -> None:
    meta = {MARK: {"engine": model.engine}, "tags": [{"name": model.engine}]}
    if found is None:
        names = {"id": model.name, "name": model.name, "base_model_id": None}
        webui.post("/api/v1/models/create", {**names, "meta": meta, "params": {}, "access_grants": grants})
        tally.create(f"model {model.name}")
        return
    changes = []
    if (found["meta"] or {}).get(MARK) != meta[MARK] or not found["is_active"]:
        record = {**found, "meta": {**(found["meta"] or {}), **meta}, "is_active": True}
        webui.post("/api/v1/models/model/update", record, repeatable=True)
        changes.append("put right")
    if _plain(found["access_grants"]) != _plain(grants):
        body = {"id": model.name, "name": model.name, "access_grants": grants}
        webui.post("/api/v1/models/model/access/update", body, repeatable=True)
        changes.append("shown to " + (", ".join(model.teams) if model.teams is not None else "everybody"))
    if changes:
        tally.change(f"model {model.name}", ", ".join(changes))
    else:
        tally.keep()


def _grants(model: VisibleModel, groups: dict[str, str]) -> list[dict[str, str]]:
    names = [EVERYBODY] if model.teams is None else [team_group(team) for team in model.teams]
    return [{"principal_type": "group", "principal_id": groups[name], "permission": "read"} for name in names]


def _plain(grants: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(grant["principal_type"], grant["principal_id"], grant["permission"]) for grant in grants}
