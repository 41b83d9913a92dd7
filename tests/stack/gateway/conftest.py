"""A gateway in its container, with model servers behind it: llama.cpp for what is usual, stubs for what is rare."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from orchestrator.engines.container import Container
from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import (
    API_PORT,
    CONFIG_DIR,
    WEBUI_PORT,
    GatewayConfig,
    RoutedModel,
    Server,
    Upstream,
    start_command,
)
from orchestrator.practice.gguf import write_gguf
from orchestrator.spec.components import Component
from tests.unit.eventually import eventually
from tests.unit.gateway_bed import START_SECONDS, Gateway, write
from tests.unit.raw_http import nothing_unexpected_logged

HEALTHY = ["curl", "-fsS", "http://127.0.0.1:8080/health"]
LABELS = {"workshop.test": "1"}
STUB = Path(__file__).parent / "stub.py"


def caller(who: str, *models: str, **other: Any) -> Caller:
    return Caller(id=who, key_hashes=(fingerprint(f"sk-{who}"),), models=models or ("stub",), **other)


def is_healthy(llama: Any) -> bool | None:
    return llama.exec_run(HEALTHY).exit_code == 0 or None


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
def started() -> list[Any]:
    """Containers that go with their module."""
    return []


@pytest.fixture(scope="module", autouse=True)
def _no_container_outlives_its_module(started: list[Any]) -> Iterator[None]:
    """Gateways look after their backends every two seconds: dozens of them would slow down what comes later."""
    yield
    while started:
        started.pop().remove(force=True, v=True)


@pytest.fixture(scope="session")
def run_container(engine: docker.DockerClient, network: str, started: list[Any]) -> Iterator[Callable[..., Any]]:
    """Start a container on the bed's network. `keep`: until all tests are over, for fixtures that several modules share."""
    kept: list[Any] = []

    def run(image: str, command: list[str], alias: str, *, keep: bool = False, **options: Any) -> Any:
        container = engine.containers.create(image, command, labels=LABELS, **options)
        (kept if keep else started).append(container)
        engine.networks.get(network).connect(container, aliases=[alias])
        container.start()
        return container

    yield run
    for container in kept:
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
) -> Callable[..., Any]:
    """Start a stand-in for a model server under this name on the network."""

    def start(name: str, *, keep: bool = False) -> Any:
        mounts = {str(certificate): {"bind": "/tls", "mode": "ro"}, str(STUB): {"bind": "/stub.py", "mode": "ro"}}
        command = ["python3", "-u", "/stub.py", name]  # Open WebUI's image, for its Python
        stub = run_container(
            packaged(Component("webui")), command, name, keep=keep, stop_signal="SIGKILL", volumes=mounts
        )
        eventually(lambda: b"ready" in stub.logs() or None, START_SECONDS)
        return stub

    return start


@pytest.fixture(scope="session")
def start_engine(run_container: Callable[..., Any], packaged: Callable[[Component], str]) -> Callable[..., Any]:
    """Start an engine's container as practice mode does, under this name on the network, with files from `folder`."""

    def start(engine: Container, name: str, folder: Path) -> Any:
        limits = {"mem_limit": f"{engine.memory_mib}m"} | ({"shm_size": f"{engine.shm_gib}g"} if engine.shm_gib else {})
        return run_container(
            packaged(engine.component),
            list(engine.command),
            name,
            environment=dict(engine.environment),
            volumes={str(folder / inside): {"bind": at, "mode": "ro"} for inside, at in engine.files},
            **limits,
        )

    return start


@pytest.fixture(scope="session")
def stubs(start_stub: Callable[..., Any]) -> tuple[str, str]:
    """Two of them, by their names."""
    names = ("stub-a", "stub-b")
    for name in names:
        start_stub(name, keep=True)
    return names


@pytest.fixture(scope="session")
def llamas(
    run_container: Callable[..., Any], packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """Two real llama-servers of one synthetic model, by their names on the network."""
    folder = tmp_path_factory.mktemp("models")
    write_gguf(folder / "tiny.gguf", name="tiny")
    image, names = packaged(Component("llamacpp")), ("llama-a", "llama-b")
    settings = ["--model", "/models/tiny.gguf", "--alias", "tiny-llama", "--threads", "1", "--ctx-size", "2048"]
    containers = [
        run_container(image, settings, name, keep=True, volumes={str(folder): {"bind": "/models", "mode": "ro"}})
        for name in names
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
        (Server(a.host, 8443, tls=True, host_header="llm.example.org:8443"),),
        "gpt-inside",
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
        replace(
            trusted,
            name="untrusted",
            servers=(replace(trusted.servers[0], host_header="other.example.org"),),
        ),
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
) -> Callable[..., Gateway]:
    """Start one more gateway. It trusts the authority of the stubs' certificate only."""

    def start(config: GatewayConfig, *, keep: bool = False, command: list[str] | None = None) -> Gateway:
        folder = tmp_path_factory.mktemp("gateway")
        write(config, folder)
        shutil.copytree(certificate, folder / "tls")
        container = run_container(
            packaged(Component("gateway")),
            command or start_command(),
            folder.name,
            keep=keep,
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
def gateway(start_gateway: Callable[..., Gateway], config: GatewayConfig) -> Gateway:
    return start_gateway(config, keep=True)


@pytest.fixture
def clean_log(gateway: Gateway) -> Iterator[None]:
    """The test fails where the shared gateway's error log says what it should not."""
    with nothing_unexpected_logged(gateway):
        yield
