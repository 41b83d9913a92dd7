"""A client of Open WebUI that changes nothing there, for whoever asks what would be changed."""

from __future__ import annotations

from typing import Any

from orchestrator.webui.client import WebUI

IMAGINED = "imagined-by-who-only-looks"  # the id of what an onlooker would have made
READING = ("/users", "/verify", "/query/collection")  # how the paths end that are asked by POST and change nothing


class Onlooker(WebUI):
    """The server, and what would be done to it: a write is not sent, and answered as if it had made what it asks for.

    So the code that puts a server right says, without a second form of it, what is to be put right.
    """

    writes = False

    def get(self, path: str, **query: str) -> Any:
        return {"items": [], "total": 0, "status": "completed"} if IMAGINED in path else super().get(path, **query)

    def post(self, path: str, body: object, *, repeatable: bool = False) -> Any:
        if IMAGINED in path:
            return []
        if path.endswith(READING):
            return super().post(path, body, repeatable=repeatable)
        return {**(body if isinstance(body, dict) else {}), "id": IMAGINED}

    def delete(self, path: str) -> Any:
        """Nothing."""
        return bool(path)
