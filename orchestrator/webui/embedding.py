"""What makes files searchable in Open WebUI: a model of the workshop through the gateway, or nothing."""

from __future__ import annotations

from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.settings import merged
from orchestrator.webui.wanted import Seed, Tally

BATCH = 16  # pieces of a file in one request
AT_ONCE = 4  # requests for one file; without a bound all its pieces would be sent in the same moment
EMBEDDING = "/api/v1/retrieval/embedding"
RETRIEVAL = "/api/v1/retrieval/config"
WHOLE = "BYPASS_EMBEDDING_AND_RETRIEVAL"  # files go into the question whole


def apply(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    if wanted.library:
        found = webui.get(EMBEDDING)
        needed, different = merged(found, _form(wanted))
        if different:
            webui.post(f"{EMBEDDING}/update", needed, repeatable=True)
            tally.change("embeddings", f"made by {wanted.library.model}")
        else:
            tally.keep()
    whole = wanted.library is None
    if webui.get(RETRIEVAL)[WHOLE] is not whole:
        _read(webui, whole=whole)
        tally.change("files in chats", "read whole" if whole else "searched")
    else:
        tally.keep()


def _read(webui: WebUI, *, whole: bool) -> None:
    """What is left out of the form stays as it is."""
    try:
        webui.post(f"{RETRIEVAL}/update", {WHOLE: whole}, repeatable=True)
    except WebUIRefused:
        if webui.dialect().answers_about_retrieval or webui.get(RETRIEVAL)[WHOLE] is not whole:
            raise


def _form(wanted: Seed) -> dict[str, Any]:
    assert wanted.library  # noqa: S101 - asked for with one only
    return {
        "RAG_EMBEDDING_ENGINE": "openai",
        "RAG_EMBEDDING_MODEL": wanted.library.model,
        "RAG_EMBEDDING_BATCH_SIZE": BATCH,
        "RAG_EMBEDDING_CONCURRENT_REQUESTS": AT_ONCE,
        "openai_config": {
            "url": wanted.gateway_url.rstrip("/"),
            "key": wanted.library.key.get_secret_value(),
        },
    }
