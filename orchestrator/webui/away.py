"""A server that is away for a moment, as in a restart: waited for, and asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from orchestrator.errors import UserError
from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused

SECONDS = 120  # a restart on a busy machine
BEHIND_THE_GATEWAY = {502, 503, 504}  # what nginx says for a server that does not answer
Found = TypeVar("Found")


def is_away(problem: UserError) -> bool:
    """Whether nobody answered, or nginx for it."""
    if isinstance(problem, WebUIRefused):
        return problem.status in BEHIND_THE_GATEWAY
    return problem.code == "webui_unreachable"


def patiently(webui: WebUI, ask: Callable[[], Found], *, seconds: float = SECONDS) -> Found:
    """The answer, on the second try if need be: what is asked must be as good twice as once.

    Raises UserError `webui_not_ready` where the server does not come back.
    """
    try:
        return ask()
    except UserError as problem:
        if not is_away(problem):
            raise
    webui.wait_ready(seconds)
    return ask()
