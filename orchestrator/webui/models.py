"""The model menu: what each entry is called and shows, and who sees it: a grant to a group for each, nothing public.

Who sees what is the gateway's rule. A preset is an entry with another one as its base.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.groups import are_same
from orchestrator.webui.groups import grants as grants_of
from orchestrator.webui.marks import Marks
from orchestrator.webui.wanted import Seed, Suggestion, Tally, VisibleModel

Records = dict[str, dict[str, Any]]
MARK = Marks().label  # in a record's `meta`: made here, so removed here; elsewhere another one
EMPTY: Mapping[str, Any] = {"filterIds": [], "actionIds": []}
LISTS_ARE_KEPT = 1.0  # seconds, for each backend; an older server keeps them over a change of its connections, too
TRIES = 3
OWN = "fields"  # below the mark: the fields of `meta` that the spec gave, and may take back
CONNECTION = "connection"  # below the mark: the one that the model comes from, where it is not the gateway's


def apply(webui: WebUI, wanted: Seed, groups: dict[str, str], tally: Tally) -> None:
    """`groups`: ids by name. Presets and models of others stay as they are."""
    there = records(webui)
    marks = wanted.marks
    for model in wanted.models:
        found = there.pop(model.name, None)
        if marks.elsewhere and found and not is_ours(found, marks.label):
            tally.fail(f"model {model.name}", "somebody else's entry of this name is there, and stays as it is")
            continue
        _apply_one(webui, model, grants_of(model.teams, groups), found, tally, marks.label)
    for name, record in there.items():
        if is_ours(record, marks.label):
            _remove(webui, name, tally)


def apply_provided(webui: WebUI, provided: Sequence[VisibleModel], groups: dict[str, str], tally: Tally) -> None:
    """Only the models of connections past the gateway: these are all of them."""
    there = records(webui)
    for model in provided:
        _apply_one(webui, model, grants_of(model.teams, groups), there.pop(model.name, None), tally)
    for name, record in there.items():
        if CONNECTION in ((record.get("meta") or {}).get(MARK) or {}):
            _remove(webui, name, tally)


def load(webui: WebUI, wanted: Seed, *, changed: bool) -> None:
    """Makes the server load its list of models, without which a chat may still be told `Model not found`.

    Only a change asks the backends again: one that hangs would hold up every run.
    """
    names = {model.name for model in wanted.models if model.connection is None}
    if not changed and names <= _listed(webui):
        return
    if changed and not webui.dialect().lists_anew:
        time.sleep(LISTS_ARE_KEPT)
    for _ in range(TRIES):
        if names <= _listed(webui, refresh="true"):
            return
        time.sleep(LISTS_ARE_KEPT)


def _listed(webui: WebUI, **query: str) -> set[str]:
    return {model["id"] for model in webui.get("/api/models", **query)["data"]}


def is_ours(record: Mapping[str, Any], label: str = MARK) -> bool:
    return label in (record.get("meta") or {})


def record_of(model: VisibleModel, found: Mapping[str, Any] | None = None, label: str = MARK) -> dict[str, Any]:
    """The entry as it should be; what the spec doesn't speak of stays as it was `found`."""
    there = dict((found or {}).get("meta") or {})
    given = {
        name: value
        for name, value in (
            ("description", model.description),
            ("profile_image_url", model.picture),
            ("suggestion_prompts", suggested(model.suggestions)),
            ("filterIds", list(model.filters)),
            ("actionIds", list(model.actions)),
        )
        if value
    }
    taken_back = {name: EMPTY.get(name) for name in (there.get(label) or {}).get(OWN, ()) if name not in given}
    mark = {"tag": model.tag, OWN: sorted(given), **({CONNECTION: model.connection} if model.connection else {})}
    ours = {label: mark, "tags": [{"name": model.tag}]}
    return {
        "id": model.name,
        "name": model.title or model.name,
        "base_model_id": model.base,
        "meta": {**there, **taken_back, **given, **ours},
        "params": dict(model.parameters) if model.base else (found or {}).get("params") or {},
        "is_active": True,
    }


def suggested(suggestions: tuple[Suggestion, ...]) -> list[dict[str, Any]]:
    """As the server keeps them."""
    return [{"title": [one.title, one.subtitle], "content": one.prompt} for one in suggestions]


def records(webui: WebUI) -> Records:
    """All entries, models and presets, by id."""
    return {record["id"]: record for which in ("base", "export") for record in webui.get(f"/api/v1/models/{which}")}


def delete(webui: WebUI, name: str) -> None:
    webui.post("/api/v1/models/model/delete", {"id": name})


def _remove(webui: WebUI, name: str, tally: Tally) -> None:
    delete(webui, name)
    tally.change(f"model {name}", "removed")


def _apply_one(
    webui: WebUI,
    model: VisibleModel,
    grants: list[dict[str, str]],
    found: dict[str, Any] | None,
    tally: Tally,
    label: str = MARK,
) -> None:
    record = record_of(model, found, label)
    if found is None:
        webui.post("/api/v1/models/create", {**record, "access_grants": grants})
        tally.create(f"model {model.name}")
        return
    changes = []
    if any(found.get(name) != value for name, value in record.items()):
        webui.post("/api/v1/models/model/update", {**found, **record}, repeatable=True)
        changes.append("put right")
    if not are_same(found["access_grants"], grants):
        body = {"id": model.name, "name": record["name"], "access_grants": grants}
        webui.post("/api/v1/models/model/access/update", body, repeatable=True)
        changes.append("shown to " + (", ".join(model.teams) if model.teams is not None else "everybody"))
    if changes:
        tally.change(f"model {model.name}", ", ".join(changes))
    else:
        tally.keep()
