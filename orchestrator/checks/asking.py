"""HTTP as a participant's program speaks it: an answer with the time of each piece, or few words on why none came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from orchestrator.checks import reading
from orchestrator.checks.silence import EndlessAnswerError, Silence, why
from orchestrator.checks.trust import Trust, TrustingAdapter

OK = 200
MOST_BYTES = 4 << 20
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that are waited."""

    connect: float = 5
    look: float = 30  # for an answer without a model; a sign-in may queue behind others
    answer: float = 120  # for the whole answer of a model


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    is_json: bool
    pieces: tuple[tuple[float, bytes], ...]  # seconds since the question, bytes

    @property
    def text(self) -> str:
        return b"".join(piece for _, piece in self.pieces).decode(errors="replace")

    @property
    def code(self) -> str | None:
        return reading.code_in(self.text)

    @property
    def words(self) -> str:
        """Status, and the server's own words."""
        said = self.code or reading.error_in(self.text)
        return f"{self.status} {said}" if said else str(self.status)

    def lines(self) -> Iterator[tuple[float, str]]:
        """Whole lines, each with the time at which its end came."""
        rest = b""
        for seconds, piece in self.pieces:
            *whole, rest = (rest + piece).split(b"\n")
            yield from ((seconds, line.decode(errors="replace").rstrip("\r")) for line in whole)
        if rest:
            yield self.pieces[-1][0], rest.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class _Bearer(requests.auth.AuthBase):
    key: SecretStr | None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.key:
            request.headers["Authorization"] = f"Bearer {self.key.get_secret_value()}"
        return request


class _Sessions(threading.local):
    """A session for each thread. Straight to the address: this machine's proxy and .netrc are not the class's.

    Open WebUI sets a cookie at sign-in: kept, it would answer for whoever asks next without a key.
    """

    def __init__(self, trust: Trust, name: str | None) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.verify = trust.fingerprint is None
        self.session.mount("https://", TrustingAdapter(trust, name))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as the body of a request; `kind` is its media type."""

    name: str
    content: bytes
    kind: str

    @property
    def parts(self) -> dict[str, tuple[str, bytes, str]]:
        return {"file": (self.name, self.content, self.kind)}


class Server:
    """A server at `url` (without a path). Threads may share it.

    `near`: where it is asked for by its name, whatever the DNS says of that.
    """

    def __init__(self, url: str, trust: Trust, patience: Patience, near: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self._at = near or self.url
        self._host = urlsplit(self.url).netloc
        self._sessions = _Sessions(trust, urlsplit(self.url).hostname if near else None)

    def get(self, path: str, key: SecretStr | None) -> Answer:
        return self.ask("GET", path, key, None, seconds=self.patience.look)

    def post(self, path: str, key: SecretStr | None, body: object) -> Answer:
        return self.ask("POST", path, key, body, seconds=self.patience.look)

    def question(self, path: str, key: SecretStr | None, body: object) -> Answer:
        """Like `post`, with the patience that a model needs."""
        return self.ask("POST", path, key, body, seconds=self.patience.answer)

    def ask(
        self, method: str, path: str, key: SecretStr | None, body: object, *, seconds: float, most: int = MOST_BYTES
    ) -> Answer:
        """Raises Silence. The path goes out as it is, dots and all; no redirects. `body`: JSON, or a file."""
        session = self._sessions.session
        headers = {"Accept-Encoding": "identity", "Host": self._host}
        request = session.prepare_request(
            requests.Request(
                method,
                self.url,
                json=None if isinstance(body, Attachment) else body,
                files=body.parts if isinstance(body, Attachment) else None,
                headers=headers,
                auth=_Bearer(key),
            )
        )
        request.url = self._at + path
        began = time.monotonic()
        try:
            waits = (self.patience.connect, seconds)
            response = session.send(request, timeout=waits, stream=True, allow_redirects=False, verify=session.verify)
            with response:
                pieces = tuple(_pieces(response, began, seconds, most))
        except (requests.RequestException, HTTPError, OSError) as error:
            raise Silence(why(error, self.patience.connect, seconds)) from None  # the chain holds the request's key
        return Answer(response.status_code, "json" in response.headers.get("content-type", ""), pieces)


def _pieces(response: requests.Response, began: float, seconds: float, most: int) -> Iterator[tuple[float, bytes]]:
    read: Callable[[int], bytes] = response.raw.read1
    size = 0
    while piece := read(PIECE):
        passed = time.monotonic() - began
        size += len(piece)
        if passed > seconds:
            raise TimeoutError
        if size > most:
            raise EndlessAnswerError
        yield passed, piece
