"""The gateway once more, as a server that speaks Ollama's API: programs ask it at Open WebUI's /ollama/api.

Its models are in the menu already, so the entries that open them there to who may use them are hidden ones.
"""

from __future__ import annotations

from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import PERSON_HEADER, TAG, Row, options_of
from orchestrator.webui.groups import are_same, grants
from orchestrator.webui.wanted import Seed, Tally

MARK = "workshop_ollama"  # in an entry's `meta`: made here, so removed here
MODELS = "/api/v1/models"


def rows(wanted: Seed) -> list[Row]:
    """None, where Ollama serves no model. The gateway answers a service with the whole list, whoever it asks for."""
    if not wanted.ollama:
        return []
    url = f"{wanted.gateway_url.rstrip('/').removesuffix('/v1')}/ollama"
    headers = {PERSON_HEADER: "{{USER_EMAIL}}"} if wanted.names_the_asker else {}
    names = [one.listed for one in wanted.ollama]
    options = options_of("", names, (TAG,), headers)
    return [Row(url, wanted.gateway_key.get_secret_value(), {**options, "auth_type": "bearer"}, "ollama")]


def hide(webui: WebUI, wanted: Seed, groups: dict[str, str], tally: Tally) -> None:
    """`groups`: ids by name. Out of the menu, and open on Ollama's routes."""
    there = {record["id"]: record for record in webui.get(f"{MODELS}/base")}
    for one in wanted.ollama:
        record = {
            "id": one.listed,
            "name": one.listed,
            "base_model_id": None,
            "meta": {MARK: True},
            "params": {},
            "is_active": False,
        }
        _put_right(webui, record, grants(one.teams, groups), there.pop(one.listed, None), tally)
    for name, record in there.items():
        if MARK in (record.get("meta") or {}):
            webui.post(f"{MODELS}/model/delete", {"id": name})
            tally.change(f"Ollama's API for {name}", "closed")


def _put_right(
    webui: WebUI, record: dict[str, Any], needed: list[dict[str, str]], found: dict[str, Any] | None, tally: Tally
) -> None:
    what = f"Ollama's API for {record['id']}"
    if found is None:
        webui.post(f"{MODELS}/create", {**record, "access_grants": needed})
        tally.create(what)
        return
    changes = []
    if found["is_active"] or MARK not in (found.get("meta") or {}):
        webui.post(f"{MODELS}/model/update", {**found, **record}, repeatable=True)
        changes.append("put right")
    if not are_same(found["access_grants"], needed):
        body = {"id": record["id"], "name": record["name"], "access_grants": needed}
        webui.post(f"{MODELS}/model/access/update", body, repeatable=True)
        changes.append("opened to whom it is meant for")
    if changes:
        tally.change(what, ", ".join(changes))
    else:
        tally.keep()
