"""A person's own API key at Open WebUI: random, one for each account, given out again on asking."""

from __future__ import annotations

from pydantic import SecretStr

from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import NOT_FOUND, WebUIRefused

PATH = "/api/v1/auths/api_key"


def obtain(owner: WebUI) -> SecretStr:
    """The key that is there, else a new one."""
    try:
        return SecretStr(owner.get(PATH)["api_key"])
    except WebUIRefused as refused:
        if refused.status != NOT_FOUND:
            raise
    return mint(owner)


def mint(owner: WebUI) -> SecretStr:
    """A new key; one that was there before is dead at once. The account must be in a group that may have keys."""
    return SecretStr(owner.post(PATH, None)["api_key"])
