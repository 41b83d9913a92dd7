"""One real Open WebUI for this folder's tests, started as a workshop starts it; behind it a stub for the gateway."""

from __future__ import annotations

import io
import os
import secrets
import socket
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import docker
import pytest
import requests
from pydantic import SecretStr

from orchestrator.identity.accounts import Account, Admin
from orchestrator.resources import COMPOSE
from orchestrator.spec.components import Component
from orchestrator.state.accounts import AccountRecord, Accounts
from orchestrator.state.database import Database
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats
from orchestrator.webui.client import WebUI
from orchestrator.webui.environment import PORT, webui_environment
from orchestrator.webui.seed import seed
from orchestrator.webui.versions import Dialect
from orchestrator.webui.wanted import Seed, SeedResult, VisibleModel
from tests.stack.webui.oldest.image import oldest_image

LABELS = {"workshop.test": "1"}
STUB_PORT, MCP_PORT = 8000, 8001
OLLAMA_STAND_IN = Path(__file__).parents[1] / "workshop" / "ollama_stand_in" / "ollama.py"
OLDEST_NEEDS = {"ENABLE_FORWARD_USER_INFO_HEADERS": "true"}  # docs/webui.md says so
GATEWAY_KEY = SecretStr("service-key-of-the-gateway-5e11")
MODELS = (
    VisibleModel("chat", "llamacpp"),
    VisibleModel("big/model-7B:q4", "vllm"),
    VisibleModel("red-only", "ollama", ("red",)),
    VisibleModel("both", "vllm", ("red", "blue")),
)


@dataclass(frozen=True)
class Server:
    """A running Open WebUI, and what it was started with."""

    url: str
    admin: Admin
    secret_key: str
    container: Any
    stub_url: str

    def client(self) -> WebUI:
        return WebUI(self.url)

    @cached_property
    def as_admin(self) -> WebUI:
        """Signed in once: 15 times in three minutes would be too often."""
        return self.client().sign_in(self.admin.email, self.admin.password)

    def since(self, version: str, why: str) -> None:
        """Skips a test of what older ones have not."""
        found = Dialect.of(self.client().version())
        first = Dialect.of(version)
        assert found
        assert first
        if found.version < first.version:
            pytest.skip(f"Open WebUI before {version} {why}")

    def asked(self) -> list[dict[str, Any]]:
        """What the stub was asked, oldest first."""
        return list(requests.get(f"{self.stub_url}/_asked", timeout=10).json())


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def free_port() -> int:
    """Chosen here, since one that Docker chooses is another one after a restart."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def server(packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The version that the program brings, or with WORKSHOP_TEST_WEBUI=oldest the oldest that it speaks to."""
    if os.environ.get("WORKSHOP_TEST_WEBUI") == "oldest":
        with running(oldest_image(tmp_path_factory.mktemp("oldest")), packaged, OLDEST_NEEDS) as found:
            yield found
    else:
        with running(packaged(Component("webui")), packaged) as found:
            yield found


@pytest.fixture(scope="module")
def oldest_server(packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For the module that looks at the oldest version by itself."""
    with running(oldest_image(tmp_path_factory.mktemp("oldest")), packaged, OLDEST_NEEDS) as found:
        yield found


@contextmanager
def running(
    image: str, packaged: Callable[[Component], str], needs: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Server]:
    """Open WebUI of `image`, the stub in the packaged one; `needs` is environment besides that of a workshop."""
    api = docker.from_env()
    started: list[Any] = []
    network = api.networks.create(f"workshop-test-webui-{secrets.token_hex(4)}", labels=LABELS)

    def url(port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def start(image: str, files: dict[str, bytes], port: int, host_port: int, **settings: Any) -> Any:
        ports = {f"{port}/tcp": ("127.0.0.1", host_port)}
        container = api.containers.create(image, labels=LABELS, network=network.name, ports=ports, **settings)
        started.append(container)
        container.put_archive("/", archive(files))
        container.start()
        return container

    stub_port, webui_port = free_port(), free_port()
    try:
        names = ("stub_backend.py", "mcp_tools.py", "providers.py")
        code = {name: (Path(__file__).parent / name).read_bytes() for name in names}
        code["ollama.py"] = OLLAMA_STAND_IN.read_bytes()
        others = f"python3 /mcp_tools.py {MCP_PORT} & python3 /providers.py & /ollama.py serve &"
        start(
            packaged(Component("webui")),
            code,
            STUB_PORT,
            stub_port,
            command=["sh", "-c", f"{others} exec python3 /stub_backend.py"],
            name=network.name,
            environment={"OLLAMA_HOST": "0.0.0.0:11434"},
        )
        admin = Admin("admin@tests.workshop.local", SecretStr("the $admin's `pass word`"))
        secret_key = secrets.token_hex(32)
        environment = webui_environment(
            "http://127.0.0.1:3000",
            title='Tests "of" {{7*7}}',
            admin_email=admin.email,
            gateway_url=f"http://{network.name}:{STUB_PORT}/v1",
        )
        files = {
            "run/workshop/with-secrets.sh": (COMPOSE / "with-secrets.sh").read_bytes(),
            "run/secrets/WEBUI_ADMIN_PASSWORD": admin.password.get_secret_value().encode(),
            "run/secrets/WEBUI_SECRET_KEY": secret_key.encode() + b"\n",
        }
        container = start(
            image,
            files,
            PORT,
            webui_port,
            entrypoint=["/bin/sh", "/run/workshop/with-secrets.sh"],
            command=["bash", "start.sh"],
            environment={**environment, **needs},
        )
        found = Server(url(webui_port), admin, secret_key, container, url(stub_port))
        found.client().wait_ready(180)
        container.reload()
        yield found
    finally:
        for container in started:
            container.remove(force=True, v=True)
        network.remove()
        api.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Accounts]:
    """The program's own store, with participants p01 to p30 in it."""
    database = Database.open(tmp_path / "state.sqlite3")
    People(database).reconcile(CountedSeats(30))
    yield Accounts(database)
    database.close()


@dataclass
class Class:
    """A workshop of this test alone: other tests' people have other mails."""

    server: Server
    store: Accounts
    wanted: Seed
    said: list[str]

    def seed(self, wanted: Seed | None = None) -> SeedResult:
        self.wanted = wanted or self.wanted
        self.said.clear()
        return seed(self.server.as_admin, self.wanted, self.store, report=self._hear, concurrency=4)

    def _hear(self, line: str) -> None:
        """What is said of the server's version is the same each time."""
        if not line.startswith("version "):
            self.said.append(line)

    def with_person(self, participant: str, **changes: Any) -> Seed:
        people = [replace(one, **changes) if one.id == participant else one for one in self.wanted.people]
        return replace(self.wanted, people=tuple(people))

    def person(self, participant: str) -> Account:
        return next(person for person in self.wanted.people if person.id == participant)

    def record(self, participant: str) -> AccountRecord:
        found = self.store.get(participant)
        assert found
        return found

    def key(self, participant: str) -> SecretStr:
        found = self.record(participant).api_key
        assert found
        return found

    def caller(self, participant: str) -> WebUI:
        """The server as someone with the participant's API key sees it."""
        return self.server.client().signed_in(self.key(participant))

    def models(self, participant: str) -> set[str]:
        return {model["id"] for model in self.caller(participant).get("/api/models")["data"]}


@pytest.fixture
def new_class(server: Server, store: Accounts) -> Callable[..., Class]:
    """A class of `count` people, odd ones in team red, even ones in team blue; nothing is seeded yet."""

    def make(count: int = 2, **changes: Any) -> Class:
        domain = f"{secrets.token_hex(4)}.workshop.local"
        people = tuple(
            Account(
                id=f"p{number:02}",
                email=f"p{number:02}@{domain}",
                name=f"Seat p{number:02}",
                password=SecretStr(f"password {number} 1"),
                team="red" if number % 2 else "blue",
            )
            for number in range(1, count + 1)
        )
        environment = server.container.attrs["Config"]["Env"]
        gateway = next(line.split("=", 1)[1] for line in environment if line.startswith("RAG_OPENAI_API_BASE_URL="))
        wanted = Seed(
            title="Tests",
            url="http://127.0.0.1:3000",
            admin=server.admin,
            gateway_url=gateway,
            gateway_key=GATEWAY_KEY,
            models=MODELS,
            people=people,
        )
        return Class(server, store, replace(wanted, **changes), [])

    return make
