"""The service connection from Open WebUI to the gateway. Connections that someone added by hand stay as they are."""

from __future__ import annotations

from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.wanted import Seed, Tally

PERSON_HEADER = "X-OpenWebUI-User-Email"
TAG = "workshop"
FACTORY_URL = "https://api.openai.com/v1"  # there from the start, without a key: a dead entry in a closed room


def apply(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    found = webui.get("/openai/config")
    needed = with_gateway(found, wanted)
    if needed == normal(found):
        tally.keep()
        return
    webui.post("/openai/config/update", needed, repeatable=True)
    tally.change("connection to the gateway", "set")


def normal(found: dict[str, Any]) -> dict[str, Any]:
    """The lists of the form, as long as each other, and the options of each by its index."""
    urls = list(found["OPENAI_API_BASE_URLS"])
    keys = list(found["OPENAI_API_KEYS"])[: len(urls)]
    keys += [""] * (len(urls) - len(keys))
    options = found.get("OPENAI_API_CONFIGS") or {}
    return {
        "ENABLE_OPENAI_API": bool(found["ENABLE_OPENAI_API"]),
        "OPENAI_API_BASE_URLS": urls,
        "OPENAI_API_KEYS": keys,
        # Older servers kept the options under the URL.
        "OPENAI_API_CONFIGS": {
            str(index): options.get(str(index), options.get(url, {})) for index, url in enumerate(urls)
        },
    }


def with_gateway(found: dict[str, Any], wanted: Seed) -> dict[str, Any]:
    """The connections with ours first, recognised by its tag or its address, and the others in their order."""
    form = normal(found)
    rows = [
        (url, key, form["OPENAI_API_CONFIGS"][str(index)])
        for index, (url, key) in enumerate(zip(form["OPENAI_API_BASE_URLS"], form["OPENAI_API_KEYS"], strict=True))
    ]
    url = wanted.gateway_url.rstrip("/")  # a slash at the end would ask for //chat/completions
    others = [row for row in rows if not _is_ours(row, url) and not (row[0] == FACTORY_URL and not row[1])]
    rows = [(url, wanted.gateway_key.get_secret_value(), _options(wanted)), *others]
    return {
        "ENABLE_OPENAI_API": True,  # left out, it would be stored as off
        "OPENAI_API_BASE_URLS": [row[0] for row in rows],
        "OPENAI_API_KEYS": [row[1] for row in rows],
        "OPENAI_API_CONFIGS": {str(index): row[2] for index, row in enumerate(rows)},
    }


def _is_ours(row: tuple[str, str, dict[str, Any]], url: str) -> bool:
    tags = row[2].get("tags") or ()
    return row[0].rstrip("/") == url or any(isinstance(tag, dict) and tag.get("name") == TAG for tag in tags)


def _options(wanted: Seed) -> dict[str, Any]:
    return {
        "enable": True,
        # Listed here, so that neither a gateway that is down nor one person's list decides what everybody sees.
        "model_ids": [model.name for model in wanted.served],
        "prefix_id": "",
        "tags": [{"name": TAG}],
        "connection_type": "external",
        "auth_type": "bearer",
        # On this connection alone: the server's own switch would send names and mails to every provider.
        "headers": {PERSON_HEADER: "{{USER_EMAIL}}"},
    }
