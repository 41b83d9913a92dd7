"""The form of connections that speak Ollama's API. The server asks each of them again for every list of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import TAG, Row
from orchestrator.webui.wanted import Tally

READ, WRITE = "/ollama/config", "/ollama/config/update"
SWITCH = "ENABLE_OLLAMA_API"
GATEWAY = "connection to the gateway's Ollama API"
KEY = "key"  # among the options
KIND = "ollama"
# There from the start, and nothing behind them in a class.
FACTORY_URLS = frozenset({
    "",
    "http://localhost:11434",
    "http://host.docker.internal:11434",
    "http://ollama-service.open-webui.svc.cluster.local:11434",
})  # fmt: skip


def apply(webui: WebUI, found: Mapping[str, Any], ours: Sequence[Row], tally: Tally) -> None:
    """`found` is the form. Off where there is none but the factory's: nobody is to wait for that."""
    needed = with_rows(found, ours)
    if not ours and not any(_is_ours(row) for row in rows_of(found)):
        needed = {**normal(found), SWITCH: needed[SWITCH]}
    if needed == normal(found):
        tally.keep()
        return
    webui.post(WRITE, needed, repeatable=True)
    _tell_of_gateway(found, ours, tally)
    if bool(found[SWITCH]) != needed[SWITCH]:
        tally.change("Ollama's API", "switched on" if needed[SWITCH] else "switched off")


def _tell_of_gateway(found: Mapping[str, Any], ours: Sequence[Row], tally: Tally) -> None:
    """Its row has no name of its own; those that have one are told of by it."""
    before = rows_of(found)
    gateway, named = [row for row in ours if not row.mark], [row for row in before if row.mark]
    put = {**with_rows(found, [*gateway, *named]), SWITCH: bool(found[SWITCH])}
    if gateway and put != normal(found):
        tally.change(GATEWAY, "set")
    elif not gateway and any(_is_ours(row) and not row.mark for row in before):
        tally.change(GATEWAY, "removed")


def rows_of(form: Mapping[str, Any]) -> list[Row]:
    """Those of the form, each with its options."""
    options = form.get("OLLAMA_API_CONFIGS") or {}
    rows = []
    for index, url in enumerate(form["OLLAMA_BASE_URLS"]):
        own = dict(options.get(str(index), options.get(url, {})))
        key = own.pop(KEY, None)
        rows.append(Row(url, key or "", own, KIND))
    return rows


def with_rows(found: Mapping[str, Any], ours: Sequence[Row]) -> dict[str, Any]:
    """The form with `ours` first, the gateway known by its address too, then those of others, switched on or not."""
    gateways = {row.url for row in ours if not row.mark}
    others = [
        row
        for row in rows_of(found)
        if not (_is_ours(row) or row.url.rstrip("/") in gateways or (row.url in FACTORY_URLS and not row.options))
    ]
    rows = [*ours, *others]
    return {
        **found,
        SWITCH: bool(ours or (others and found[SWITCH])),  # left out, it would be stored as off
        "OLLAMA_BASE_URLS": [row.url for row in rows],
        "OLLAMA_API_CONFIGS": _options(rows),
    }


def _is_ours(row: Row) -> bool:
    return bool(row.mark) or TAG in row.tags


def normal(found: Mapping[str, Any]) -> dict[str, Any]:
    """The options of each by its index."""
    options = found.get("OLLAMA_API_CONFIGS") or {}
    urls = list(found["OLLAMA_BASE_URLS"])
    given = {str(index): options.get(str(index), options.get(url)) for index, url in enumerate(urls)}
    return {
        **found,
        SWITCH: bool(found[SWITCH]),
        "OLLAMA_BASE_URLS": urls,
        "OLLAMA_API_CONFIGS": {index: one for index, one in given.items() if one is not None},
    }


def _options(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        str(index): {**row.options, **({KEY: row.key} if row.key else {})}
        for index, row in enumerate(rows)
        if row.options or row.key
    }
