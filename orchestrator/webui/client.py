"""One Open WebUI server over HTTP: requests out, JSON or a clear error back."""

from __future__ import annotations

from typing import IO, Any, Self, TypeVar

import requests
import urllib3
from pydantic import SecretStr
from urllib3.exceptions import InsecureRequestWarning

from orchestrator.errors import UserError, Where
from orchestrator.webui.refused import NOT_FOUND, OK, SERVICE, WebUIRefused, detail_of
from orchestrator.webui.transport import Bearer, Connections, Upload
from orchestrator.webui.versions import OLDEST, Dialect, text

PIECE = 1 << 16
Kind = TypeVar("Kind", bound="WebUI")


class WebUI:
    """The server at `base_url` as one caller sees it: nobody, or the owner of `token` (a JWT or an API key).

    Threads may share it. `writes`: what is asked of it is done; an Onlooker only reads.
    `verify_tls` is a CA file, or whether certificates are checked at all; `timeout` is in seconds for each answer and
    must leave room for a queue of password hashes on the server. `host`: the name by which it is asked for there, where
    `base_url` alone does not say it.
    """

    writes = True
    entered = False  # it was asked already whether the caller is an administrator

    def __init__(
        self,
        base_url: str,
        *,
        verify_tls: bool | str = True,
        timeout: float = 60,
        token: SecretStr | None = None,
        host: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._verify_tls = verify_tls
        self._timeout = timeout
        self._host = host
        self._connections = Connections()
        self._dialect: Dialect | None = None
        if verify_tls is False:
            urllib3.disable_warnings(InsecureRequestWarning)  # at each request, to the user, who chose nothing

    def signed_in(self, token: SecretStr) -> Self:
        """The same server as the token's owner sees it."""
        return self._like(token, self._timeout, type(self))

    def patient(self, timeout: float) -> Self:
        """The same, with so many seconds for each answer."""
        return self._like(self.token, timeout, type(self))

    def as_kind(self, kind: type[Kind]) -> Kind:
        """The same server and caller, as this class of client asks it."""
        return self._like(self.token, self._timeout, kind)

    def _like(self, token: SecretStr | None, timeout: float, kind: type[Kind]) -> Kind:
        other = kind(self.base_url, verify_tls=self._verify_tls, timeout=timeout, token=token, host=self._host)
        other._connections = self._connections  # noqa: SLF001 - of its own kind
        other._dialect = self._dialect  # noqa: SLF001
        return other

    def sign_in(self, email: str, password: SecretStr) -> Self:
        """The server as that account sees it. Raises WebUIRefused: 400 wrong mail or password, 429 too many tries."""
        body = {"email": email, "password": password.get_secret_value()}
        answer = self.post("/api/v1/auths/signin", body, repeatable=True)
        if not isinstance(answer, dict) or not answer.get("token"):
            raise UserError(
                "webui_second_factor",
                f"{email} needs a second factor to sign in",
                where=Where(service=SERVICE),
                hint="Turn off multi-factor authentication in Open WebUI's admin settings.",
            )
        return self.signed_in(SecretStr(answer["token"]))

    def wait_ready(self, seconds: float) -> None:
        """Returns once the server has started; raises UserError `webui_not_ready` after `seconds`."""
        import tenacity  # takes long to come up

        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_delay(seconds),
            wait=tenacity.wait_fixed(0.25),
            retry=tenacity.retry_if_exception_type(UserError),
            reraise=True,
        )
        try:
            attempts(self.get, "/ready")
        except UserError as error:
            raise UserError(
                "webui_not_ready",
                f"not ready after {seconds:g} seconds: {error.message}",
                where=Where(service=SERVICE),
                hint="Look at its container's log.",
            ) from error

    def version(self) -> str:
        """Such as `0.12.4`."""
        answer = self.get("/api/version")
        if not isinstance(answer, dict) or "version" not in answer:
            raise WebUIRefused("GET /api/version", OK, "no version")
        return str(answer["version"])

    def dialect(self) -> Dialect:
        """What its version can do; asked for once. Raises UserError `webui_too_old`, `webui_unknown`."""
        if self._dialect is None:
            version = self._version()
            found = Dialect.of(version)
            if found is None or not found.is_spoken_to:
                raise UserError(
                    "webui_too_old",
                    f"version {version} is older than {text(OLDEST)}, the oldest that this program knows",
                    where=Where(service=SERVICE),
                    hint="Name a newer image.",
                )
            self._dialect = found
        return self._dialect

    def _version(self) -> str:
        try:
            return self.version()
        except WebUIRefused as refused:
            if refused.status not in {OK, NOT_FOUND}:
                raise
            raise UserError(
                "webui_unknown",
                f"{self.base_url} answers, but not as Open WebUI does",
                where=Where(service=SERVICE),
                hint="Is that the address of its page?",
            ) from None

    def get(self, path: str, **query: str) -> Any:
        """The JSON at `path`."""
        return self._ask("GET", path, None, query, repeatable=True)

    def post(self, path: str, body: object, *, repeatable: bool = False) -> Any:
        """The JSON answer. `repeatable`: twice is as good as once, so a lost connection is tried again."""
        return self._ask("POST", path, body, {}, repeatable=repeatable)

    def delete(self, path: str) -> Any:
        """The JSON answer; deleting what is gone is refused."""
        return self._ask("DELETE", path, None, {}, repeatable=False)

    def download(self, path: str, into: IO[bytes]) -> None:
        """The file at `path`, however long, as it comes; `timeout` is for each piece of it."""
        with self._answered(f"GET {path}", "GET", path, None, {}, tries=2, stream=True) as response:
            try:
                for piece in response.iter_content(PIECE):
                    into.write(piece)
            except requests.RequestException as error:
                raise self._unreachable(error) from None

    def _ask(
        self,
        method: str,
        path: str,
        body: object,
        query: dict[str, str],
        *,
        repeatable: bool,
    ) -> Any:
        request = f"{method} {path}"
        response = self._answered(request, method, path, body, query, tries=2 if repeatable else 1)
        if not response.headers.get("content-type", "").startswith("application/json"):
            # A path that it does not know is answered 200 with the page of the web client.
            raise WebUIRefused(request, response.status_code, "no JSON: this version does not know the request")
        try:
            return response.json()
        except ValueError:
            raise WebUIRefused(request, response.status_code, "something that is said to be JSON and is not") from None

    def _answered(
        self,
        request: str,
        method: str,
        path: str,
        body: object,
        query: dict[str, str],
        *,
        tries: int,
        stream: bool = False,
    ) -> requests.Response:
        """An answer that is no error."""
        try:
            response = self._send(method, path, body, query, tries=tries, stream=stream)
        except requests.Timeout:
            raise UserError(
                "webui_timeout",
                f"{request} was not answered within {self._timeout:g} seconds",
                where=Where(service=SERVICE),
                hint="Is the machine overloaded? Run the command again.",
            ) from None
        except requests.RequestException as error:
            raise self._unreachable(error) from None  # the request in the chain holds the token
        if response.status_code != OK:
            raise WebUIRefused(request, response.status_code, detail_of(response))
        return response

    def _unreachable(self, error: requests.RequestException) -> UserError:
        return UserError(
            "webui_unreachable",
            f"{self.base_url} does not answer ({type(error).__name__})",
            where=Where(service=SERVICE),
            hint="Is its container running, and is the address right?",
        )

    def _send(
        self, method: str, path: str, body: object, query: dict[str, str], *, tries: int, stream: bool
    ) -> requests.Response:
        while True:
            tries -= 1
            try:
                return self._connections.session.request(
                    method,
                    self.base_url + path,
                    params=query,
                    auth=Bearer(self.token),
                    headers={"Accept": "application/json", "Host": self._host},  # None: the address's own
                    timeout=self._timeout,
                    verify=self._verify_tls,
                    allow_redirects=False,
                    stream=stream,
                    **(body.parts if isinstance(body, Upload) else {"json": body}),
                )
            except requests.ConnectionError:
                if not tries:
                    raise
