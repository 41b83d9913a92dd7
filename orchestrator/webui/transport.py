"""How requests to Open WebUI are sent: a connection for each thread, the token alone as who asks, files in parts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the body of a request, with fields beside it; `kind` is its media type."""

    name: str
    content: bytes
    kind: str
    fields: Mapping[str, str]

    @property
    def parts(self) -> dict[str, Any]:
        """As requests sends it."""
        return {"files": {"file": (self.name, self.content, self.kind)}, "data": dict(self.fields)}


@dataclass(frozen=True, slots=True)
class Bearer(requests.auth.AuthBase):
    """Set on every request, without a token too, so that no ~/.netrc puts in something else."""

    token: SecretStr | None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        return request


class Connections(threading.local):
    """A requests.Session for each thread: it isn't safe to share one. Without cookies, which a sign-in sets, and
    straight to the address: this machine's proxy and .netrc are not the class's.
    """

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
