"""A gateway in its container, with model servers behind it: llama.cpp for what is usual, stubs for what is rare."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import json
import secrets
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from orchestrator.keys import fingerprint
from orchestrator.plan.gateway import (
    ADMIN_PORT,
    API_PORT,
    CONFIG_DIR,
    DATA_DIR,
    WEBUI_PORT,
    Caller,
    CallerLimits,
    GatewayConfig,
    RoutedModel,
    Server,
    Upstream,
)
from orchestrator.practice.gguf import write_gguf
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.components import Component

HEALTHY = ["curl", "-fsS", "http://127.0.0.1:8080/health"]
LABELS = {"workshop.test": "1"}
START_SECONDS = 30
STUB = Path(__file__).parent / "stub.py"


T = TypeVar("T")


def eventually(found: Callable[[], T | None], seconds: float = 10) -> T:
    """What `found` gives as soon as it gives something: logs and reloads come a moment later."""
    end = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return value


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's form, which every refusal must have."""
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert error["code"] is None or isinstance(error["code"], str)
        return error

    @property
    def events(self) -> list[str]:
        return [part.removeprefix("data: ") for part in self.text.replace("\r\n", "\n").split("\n\n") if part]


@dataclass
class Gateway:
    """A running gateway. `sk-ada` is ada's key, and so on."""

    container: Any
    folder: Path
    tls: ssl.SSLContext | None = None

    def is_up(self) -> bool | None:
        try:
            return self.send("/healthz").status == 200 or None
        except OSError:
            return None

    def port(self, inside: int = API_PORT) -> int:
        return int(self.container.ports[f"{inside}/tcp"][0]["HostPort"])

    def connect(self, inside: int = API_PORT) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port(inside), timeout=30, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port(inside), timeout=30)

    def send(
        self,
        path: str,
        body: dict[str, Any] | str | bytes | None = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
        port: int = API_PORT,
    ) -> Answer:
        data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        sent = ({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {})
        with closing(self.connect(port)) as connection:
            connection.request(method or ("GET" if data is None else "POST"), path, data, sent)
            with connection.getresponse() as response:
                fields = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, fields, response.read().decode("utf-8", "replace"))

    def chat(self, who: str = "ada", model: str = "stub", **fields: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, **fields}
        return self.send("/v1/chat/completions", body, key=f"sk-{who}")

    def record(self, answer: Answer) -> dict[str, Any]:
        """The access log's line about this answer."""
        return self.wait_for(lambda line: line["id"] == answer.headers["x-request-id"])

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The access log's last line of a kind, as soon as it is there."""
        return eventually(lambda: next((line for line in reversed(self.log()) if wanted(line)), None))

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("cat", f"{DATA_DIR}/access.jsonl").splitlines()]

    def counters(self, who: str) -> dict[str, int]:
        counters: dict[str, int] = json.loads(self.admin("/counters"))[who]
        return counters

    def backends(self) -> dict[str, dict[str, Any]]:
        """`{name: {state, in_flight}}`."""
        backends: dict[str, dict[str, Any]] = json.loads(self.admin("/backends"))
        return backends

    def admin(self, path: str) -> str:
        return self.run("curl", "-s", f"http://127.0.0.1:{ADMIN_PORT}{path}")

    def post(self, path: str, document: object) -> int:
        """The status that the admin port answers."""
        send = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", json.dumps(document)]
        return int(self.run(*send, f"http://127.0.0.1:{ADMIN_PORT}{path}"))

    def run(self, *command: str) -> str:
        code, output = self.container.exec_run(list(command))
        assert code == 0, output
        return str(output.decode())

    def reload(self, config: GatewayConfig) -> None:
        write(config, self.folder)
        self.reload_files()

    def reload_files(self) -> None:
        self.run("nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-s", "reload")

    def restart(self) -> None:
        self.container.restart()
        self.container.reload()
        eventually(self.is_up, START_SECONDS)

    def until(self, came: Callable[[], bool], seconds: float = 10) -> None:
        eventually(lambda: came() or None, seconds)

    def abort(self, body: dict[str, Any], *, after_seconds: float, who: str = "ada") -> None:
        """Ask, and hang up."""
        connection = self.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer sk-{who}"})
        time.sleep(after_seconds)
        connection.close()

    def arrivals(self, body: dict[str, Any]) -> list[float]:
        """When each piece of the answer came."""
        connection = self.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": "Bearer sk-ada"})
        response = connection.getresponse()
        times = []
        while response.read1(65536):
            times.append(time.monotonic())
        connection.close()
        return times


def caller(who: str, *models: str, **other: Any) -> Caller:
    return Caller(id=who, key_hashes=(fingerprint(f"sk-{who}"),), models=models or ("stub",), **other)


def is_healthy(llama: Any) -> bool | None:
    return llama.exec_run(HEALTHY).exit_code == 0 or None


def write(config: GatewayConfig, folder: Path) -> None:
    for name, text in render_gateway(config).items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)  # only the master, as root, reads them


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def network(engine: docker.DockerClient) -> Iterator[str]:
    name = f"gateway-test-{secrets.token_hex(4)}"
    network = engine.networks.create(name, labels=LABELS)
    yield name
    network.remove()


@pytest.fixture(scope="session")
def run_container(engine: docker.DockerClient, network: str) -> Iterator[Callable[..., Any]]:
    """Start a container on the bed's network; all are removed at the end."""
    started = []

    def run(image: str, command: list[str], alias: str, **options: Any) -> Any:
        container = engine.containers.create(image, command, labels=LABELS, **options)
        started.append(container)
        engine.networks.get(network).connect(container, aliases=[alias])
        container.start()
        return container

    yield run
    for container in started:
        container.remove(force=True, v=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem and key.pem for 127.0.0.1 and llm.example.org, its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway test")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("llm.example.org"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder


@pytest.fixture(scope="session")
def start_stub(
    run_container: Callable[..., Any], packaged: Callable[[Component], str], certificate: Path
) -> Callable[[str], Any]:
    """Start a stand-in for a model server under this name on the network."""

    def start(name: str) -> Any:
        mounts = {str(certificate): {"bind": "/tls", "mode": "ro"}, str(STUB): {"bind": "/stub.py", "mode": "ro"}}
        command = ["python3", "-u", "/stub.py", name]  # Open WebUI's image, for its Python
        stub = run_container(packaged(Component.WEBUI), command, name, stop_signal="SIGKILL", volumes=mounts)
        eventually(lambda: b"ready" in stub.logs() or None, START_SECONDS)
        return stub

    return start


@pytest.fixture(scope="session")
def stubs(start_stub: Callable[[str], Any]) -> tuple[str, str]:
    """Two of them, by their names."""
    names = ("stub-a", "stub-b")
    for name in names:
        start_stub(name)
    return names


@pytest.fixture(scope="session")
def llamas(
    run_container: Callable[..., Any], packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """Two real llama-servers of one synthetic model, by their names on the network."""
    folder = tmp_path_factory.mktemp("models")
    write_gguf(folder / "tiny.gguf", name="tiny")
    image, names = packaged(Component.LLAMACPP), ("llama-a", "llama-b")
    settings = ["--model", "/models/tiny.gguf", "--alias", "tiny-llama", "--threads", "1", "--ctx-size", "2048"]
    containers = [
        run_container(image, settings, name, volumes={str(folder): {"bind": "/models", "mode": "ro"}}) for name in names
    ]
    for container in containers:
        eventually(partial(is_healthy, container), START_SECONDS)
    return names


@pytest.fixture(scope="session")
def config(stubs: tuple[str, str], llamas: tuple[str, str]) -> GatewayConfig:
    """What the shared gateway knows. The callers are named after what bounds them."""
    a, b = (Server(name, 8000) for name in stubs)
    refusing, hole, nameless = Server(a.host, 9), Server(a.host, 8001), Server("nobody", 8000)
    secret = SecretStr("Bearer provider-secret")
    trusted = Upstream(
        "trusted",
        (Server(a.host, 8443),),
        "gpt-inside",
        tls=True,
        host_header="llm.example.org:8443",
        base_path="/openai/v1",
        headers=(("Authorization", secret),),
    )
    hosted = (("api-key", SecretStr("azure-secret")), ("X-Team", SecretStr("teaching")))
    upstreams = (
        Upstream("stub", (a,), "stub"),
        Upstream(
            "azure", (a,), "deployed", base_path="/openai/deployments/x", headers=hosted, query="api-version=2024-10-21"
        ),
        Upstream("renamed", (a,), "name-inside"),
        Upstream("pair", (a, b), "pair"),
        Upstream("one-refuses", (refusing, b, nameless), "one-refuses"),
        Upstream("one-hangs", (hole, b), "one-hangs"),
        Upstream("all-hang", (hole,), "all-hang"),
        Upstream("dead", (refusing,), "dead"),
        Upstream("gone", (Server(a.host, 10),), "gone"),
        Upstream("nameless", (nameless,), "nameless"),
        Upstream("last", (b,), "last-resort"),
        trusted,
        replace(trusted, name="untrusted", host_header="other.example.org"),
        Upstream("native", (a,), "tiny:latest"),
        Upstream("llama", tuple(Server(name, 8080) for name in llamas), "tiny-llama"),
    )
    orders = {
        "several": ("dead", "nameless", "last"),
        "unavailable": ("dead", "nameless"),
        "stub-then-gone": ("stub", "gone"),
    }
    models = (
        *(RoutedModel(u.name, (u.name,), "llamacpp", ollama=u.name == "native") for u in upstreams),
        *(RoutedModel(name, order, "external") for name, order in orders.items()),
    )
    names = tuple(model.name for model in models)
    return GatewayConfig(
        workshop="test",
        title='Test "; }} {{7*7}} $uri',
        callers=(
            caller("ada", *names, email="Ada@example.org"),
            caller("bob", "stub", email="bob@example.org"),
            caller("three-a-minute", limits=CallerLimits(requests_per_minute=3)),
            caller("three-in-the-browser", limits=CallerLimits(requests_per_minute=3), email="three@example.org"),
            caller("two-at-once", limits=CallerLimits(concurrent_requests=2)),
            caller("thirty-tokens-a-minute", limits=CallerLimits(tokens_per_minute=30)),
            caller("thirty-tokens", limits=CallerLimits(token_budget=30)),
            caller("unbounded", limits=CallerLimits()),
            caller("open-webui", *names, service=True, exempt=True),
        ),
        models=models,
        upstreams=upstreams,
        limits=CallerLimits(10_000, 100, 10_000_000, 100_000_000),
        webui=a,
    )


@pytest.fixture(scope="session")
def start_gateway(
    run_container: Callable[..., Any],
    packaged: Callable[[Component], str],
    certificate: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[GatewayConfig], Gateway]:
    """Start one more gateway. It trusts the authority of the stubs' certificate only."""

    def start(config: GatewayConfig) -> Gateway:
        folder = tmp_path_factory.mktemp("gateway")
        write(config, folder)
        shutil.copytree(certificate, folder / "tls")
        container = run_container(
            packaged(Component.GATEWAY),
            ["nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-g", "daemon off;"],
            folder.name,
            ports={f"{port}/tcp": ("127.0.0.1", None) for port in (API_PORT, WEBUI_PORT)},
            volumes={
                str(folder): {"bind": CONFIG_DIR, "mode": "ro"},
                str(certificate / "cert.pem"): {"bind": "/etc/ssl/certs/ca-certificates.crt", "mode": "ro"},
            },
        )
        tls = ssl.create_default_context(cafile=str(certificate / "cert.pem")) if config.tls else None
        container.reload()
        gateway = Gateway(container, folder, tls)
        eventually(gateway.is_up, START_SECONDS)
        return gateway

    return start


@pytest.fixture(scope="session")
def gateway(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    return start_gateway(config)
