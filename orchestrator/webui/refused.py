"""What Open WebUI says no with: its status, and its own words in one line."""

from __future__ import annotations

import re

import requests

from orchestrator.errors import UserError, Where

SERVICE = "Open WebUI"
DETAIL_CHARACTERS = 200
OK = 200
BAD_REQUEST = 400
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
TOO_MANY = 429
SERVER_ERROR = 500


class WebUIRefused(UserError):  # noqa: N818 - named like the other branches of UserError, by what happened
    """The server answered with an error of its own: `status` is HTTP's, `detail` the server's words."""

    def __init__(self, request: str, status: int, detail: str) -> None:
        super().__init__(
            "webui_refused" if status < SERVER_ERROR else "webui_failed",
            f"{request} was answered {status}: {detail}",
            where=Where(service=SERVICE),
            hint="Run the command again; if it stays so, look at Open WebUI's log.",
        )
        self.status = status
        self.detail = detail


def _title(response: requests.Response) -> str:
    """Of a page, such as nginx shows when nobody answers behind it."""
    if not response.headers.get("content-type", "").startswith("text/html"):
        return ""
    found = re.search(r"<title[^>]*>([^<]*)</title>", response.text[: DETAIL_CHARACTERS * 20], re.IGNORECASE)
    return found[1].strip() if found else ""


def detail_of(response: requests.Response) -> str:
    """The server's reason in one line. What a 422 repeats of the request is left out: it may be a password."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = _title(response) or response.text
    if isinstance(detail, list):
        detail = "; ".join(f"{'.'.join(map(str, part.get('loc', ())))}: {part.get('msg', '')}" for part in detail)
    line = re.sub(r"[\s\x00-\x1f\x7f]+", " ", str(detail)).strip()
    return line[:DETAIL_CHARACTERS] or "no reason given"
