"""The form of connections that speak Ollama's API. The server asks each of them again for every list of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import TAG, Row
from orchestrator.webui.wanted import Tally

READ, WRITE = "/ollama/config", "/ollama/config/update"
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
        needed = {**normal(found), "ENABLE_OLLAMA_API": needed["ENABLE_OLLAMA_API"]}
    if needed == normal(found):
        tally.keep()
        return
    webui.post(WRITE, needed, repeatable=True)
    if bool(found["ENABLE_OLLAMA_API"]) != needed["ENABLE_OLLAMA_API"]:
        tally.change("Ollama's API", "switched on" if needed["ENABLE_OLLAMA_API"] else "switched off")


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
    """The form with `ours` first, then those of others, who switched them on or did not."""
    others = [row for row in rows_of(found) if not _is_ours(row) and (row.url not in FACTORY_URLS or row.options)]
    rows = [*ours, *others]
    return {
        **found,
        "ENABLE_OLLAMA_API": bool(
            ours or (others and found["ENABLE_OLLAMA_API"])
        ),  # left out, it would be stored as off
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
        "ENABLE_OLLAMA_API": bool(found["ENABLE_OLLAMA_API"]),
        "OLLAMA_BASE_URLS": urls,
        "OLLAMA_API_CONFIGS": {index: one for index, one in given.items() if one is not None},
    }


def _options(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        str(index): {**row.options, **({KEY: row.key} if row.key else {})}
        for index, row in enumerate(rows)
        if row.options or row.key
    }
