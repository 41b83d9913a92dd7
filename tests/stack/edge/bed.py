"""A gateway on one host and engines on two others: rendered as they are deployed, three Compose projects on one engine.

What is between them is real: published ports, TLS, certificates. The other hosts' address is that of Docker's own bridge.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.engines.container import Container
from orchestrator.identity import keys
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Backend, Deployment
from orchestrator.plan.gateway import ADMIN_PORT, CONFIG_DIR
from orchestrator.render.edge import EdgeCredentials
from orchestrator.render.files import File, write_tree
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.tls.edges import IssuedEdges, KeptEdges, WantedEdges, issue_edges
from orchestrator.tls.pair import Pair
from orchestrator.workflow.gateway.edges import credentials_of
from orchestrator.workflow.wanted.desired import Desired, desired, planned

STUB = Path(__file__).parents[1] / "gateway" / "stub.py"
SECRET = b"s" * 32
KEY = keys.api_key(SECRET, "p01", 1).get_secret_value()
OTHER_KEY = keys.api_key(SECRET, "p02", 1).get_secret_value()
NOW = datetime.now(UTC).replace(microsecond=0)
WANTED = WantedEdges("edge", ("one", "two"), None, NOW)
RELOAD = ("nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-s", "reload")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def events(self) -> list[str]:
        return [part.removeprefix("data: ") for part in self.text.split("\n\n") if part]


def pem(folder: Path, name: str, pair: Pair) -> Path:
    """A file with certificate and key."""
    file = folder / f"{name}.pem"
    file.write_bytes(pair.certificate_pem + pair.key_pem)
    return file


@dataclass
class Bed:
    spec: Spec
    folder: Path
    images: Mapping[Component, str]
    prefix: str  # of the Compose projects
    ports: Mapping[str, int]  # by host: the gateway's or the edge's
    issued: IssuedEdges = field(default_factory=lambda: issue_edges(WANTED, KeptEdges()))

    def desired(self, *, revision: int = 1) -> Desired:
        people = Participant("p01"), Participant("p02")
        return desired(
            self.spec,
            _with_stubs(planned(self.spec, {})),
            Identity(SECRET, self.spec.workshop, people),
            deployment_id="d",
            images=self.images,
            cache=self.folder / "cache",
            tls={},
            edges=self.credentials,
            revision=revision,
        )

    @property
    def credentials(self) -> EdgeCredentials:
        return credentials_of(self.issued)

    @property
    def files(self) -> Mapping[str, Mapping[str, File]]:
        return self.desired().files

    def start(self) -> None:
        for host in self.write():
            self.compose(host, "up", "--detach", "--wait", "--wait-timeout", "60")

    def write(self) -> list[str]:
        files = self.files
        for host, those in files.items():
            write_tree(self.folder / host, those)
        return list(files)

    def stop(self) -> None:
        for host in self.ports:
            self.compose(host, "down", "--volumes", "--timeout", "1")

    def compose(self, host: str, *words: str) -> str:
        command = ["docker", "compose", "-p", f"{self.prefix}-{host}", "-f", str(self.folder / host / "compose.yaml")]
        ran = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr + ran.stdout
        return ran.stdout

    def inside(self, host: str, service: str, *command: str) -> str:
        return self.compose(host, "exec", "-T", service, *command)

    def reload(self, host: str) -> None:
        self.inside(host, "gateway" if host == "front" else "edge", *RELOAD)

    def on(self, host: str) -> list[Backend]:
        return [backend for backend in self.desired().deployment.backends if backend.host == host]

    # as a participant

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.ports["front"], timeout=60)

    def ask(self, model: str, *, key: str = KEY, **fields: Any) -> Answer:
        with closing(self.connect()) as connection:
            return _sent(connection, "POST", "/v1/chat/completions", question(model, **fields), key)

    def served_by(self, model: str) -> str:
        answer = self.ask(model)
        assert answer.status == 200, answer
        return str(answer.json["served_by"])

    def is_up(self) -> bool | None:
        try:
            with closing(self.connect()) as connection:
                return _sent(connection, "GET", "/healthz", None, None).status == 200 or None
        except OSError:
            return None

    # as somebody else on the network

    def knock(
        self,
        host: str,
        path: str = "/v1/chat/completions",
        *,
        shown: Path | None = None,
        method: str = "POST",
        name: str | None = None,
        service: str | None = None,
    ) -> Answer:
        """Ask an edge past the gateway; `shown` is a file with certificate and key."""
        name = name or f"{service or self.on(host)[0].service}.{host}.edge.internal"
        trust = ssl.create_default_context(cadata=self.credentials.authority.decode())
        if shown:
            trust.load_cert_chain(shown)
        connection = _Edge(name, self.ports[host], trust)
        with closing(connection):
            return _sent(connection, method, path, question("pair") if method == "POST" else None, None)

    def backends(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = json.loads(
            self.inside("front", "gateway", "curl", "-s", f"http://127.0.0.1:{ADMIN_PORT}/backends")
        )
        return found

    def tell(self, document: object) -> None:
        """As commands tell a running gateway."""
        url = f"http://127.0.0.1:{ADMIN_PORT}/changes"
        self.inside("front", "gateway", "curl", "-fsS", "--data-binary", json.dumps(document), url)


class _Edge(http.client.HTTPConnection):
    """TLS to this machine, under another name."""

    def __init__(self, name: str, port: int, trust: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=10)
        self._name, self._trust = name, trust

    def connect(self) -> None:
        super().connect()
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=self._name)

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        super().putrequest(method, url, skip_host=True, skip_accept_encoding=skip_accept_encoding)
        self.putheader("Host", self._name)


def question(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, **fields}


def _sent(
    connection: http.client.HTTPConnection, method: str, path: str, body: dict[str, Any] | None, key: str | None
) -> Answer:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = json.dumps(body).encode() if body is not None else None
    connection.request(method, path, data, headers | ({"Content-Type": "application/json"} if data else {}))
    with connection.getresponse() as response:
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read().decode("utf-8", "replace"))


def _with_stubs(deployment: Deployment) -> Deployment:
    """Stand-ins run in the place of all engines but one: they can be slow, and tell who was asked and how."""

    def stub(backend: Backend) -> Backend:
        if backend.model == "llama":
            return backend
        container = Container(
            Component("vllm_cpu"),  # its image is exchanged for one with Python
            8000,
            command=("python3", "-u", "/stub.py", backend.service),
            health=("true",),
            files=((str(STUB), "/stub.py"),),
            start_seconds=30,
        )
        return replace(backend, container=container, fetch=None)

    stacks: Sequence[Any] = [replace(stack, backends=tuple(map(stub, stack.backends))) for stack in deployment.stacks]
    return replace(deployment, stacks=tuple(stacks))
