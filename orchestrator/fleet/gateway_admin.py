"""The running gateway's own side door, on its container's loopback: curl inside the container asks and tells."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.errors import HostError, Where
from orchestrator.fleet.docker_host import ContainerDownError, DockerHost
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.plan.gateway import ADMIN_PORT, CONFIG_DIR

SECONDS = 10  # for one answer
ADDRESS = f"http://127.0.0.1:{ADMIN_PORT}"
REFUSED = 7  # curl's exit code: nothing listens there
SUCCESS = range(200, 300)
FULL = 507  # its dictionary of changes holds no more


class GatewayDownError(HostError):
    """The gateway does not run, or its nginx does not listen (yet)."""


class GatewayFullError(HostError):
    """The gateway can't hold the change in memory: after a reload it has it from the file."""


class GatewayAdmin:
    """`container` is the gateway's name or id on the host of `docker`.

    Every method raises GatewayDownError when there is nobody to ask, GatewayFullError for a 507 and HostError
    `gateway_refused` for any other answer that is no success.
    """

    def __init__(self, docker: DockerHost, container: str) -> None:
        self._docker = docker
        self._container = container

    def get(self, path: str) -> Any:
        """The JSON at `path`, such as /backends."""
        answer = self.text(path)
        try:
            return json.loads(answer)
        except ValueError:
            raise self._refused(f"GET {path}", "something that is not JSON") from None

    def text(self, path: str) -> str:
        """What is at `path`, such as /metrics."""
        return self._ask(f"GET {path}", [f"{ADDRESS}{path}"])

    def post(self, path: str, document: object) -> None:
        """Tell it something; once this returns it holds."""
        # From stdin: several hundred callers are more than one argument can carry.
        told = ["-H", "Content-Type: application/json", "-H", "Expect:", "--data-binary", "@-", f"{ADDRESS}{path}"]
        self._ask(f"POST {path}", told, json.dumps(document).encode())

    def reload(self) -> None:
        """Let nginx load its files again. Streams that run go on; the new rules hold within a moment."""
        status, output = self._converse(["nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-s", "reload"])
        if status:
            raise self._refused("nginx -s reload", output.strip() or f"exit code {status}")

    def _ask(self, request: str, arguments: list[str], body: bytes = b"") -> str:
        curl = ["curl", "-s", "--noproxy", "*", "-m", str(SECONDS), "-w", "\n%{http_code}", *arguments]
        status, output = self._converse(curl, body)
        if status == REFUSED:
            raise self._down("its nginx does not listen")
        if status:
            raise self._refused(request, f"no answer (curl: {status})")
        answer, _, code = output.rpartition("\n")
        if int(code) == FULL:
            hint = "Let it load its files again: nginx -s reload"
            raise GatewayFullError("gateway_full", "it can't hold more changes", where=self._where, hint=hint)
        if int(code) not in SUCCESS:
            raise self._refused(request, code)
        return answer

    def _converse(self, command: list[str], said: bytes = b"") -> tuple[int, str]:
        try:
            return self._docker.converse(self._container, command, said)
        except ContainerDownError as problem:
            raise self._down(problem.message) from problem

    @property
    def _where(self) -> Where:
        return Where(host=self._docker.name, service=GATEWAY_SERVICE)

    def _down(self, why: str) -> GatewayDownError:
        return GatewayDownError("gateway_down", why, where=self._where, hint="Start it: provision SPEC")

    def _refused(self, request: str, answer: str) -> HostError:
        hint = "Look at its log (workshop logs SPEC gateway), then run: provision SPEC"
        return HostError("gateway_refused", f"{request} was answered {answer}", where=self._where, hint=hint)
