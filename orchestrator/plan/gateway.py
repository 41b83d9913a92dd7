"""What the gateway must know, as values: who may ask what, how much, and where it goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from orchestrator.faults import fault_named
from orchestrator.identity.callers import Caller
from orchestrator.identity.limits import UNBOUNDED, CallerLimits

# Inside the gateway's container. The admin port listens on the container's loopback only.
API_PORT = 8080
WEBUI_PORT = 3000
INTERNAL_PORT = 8081  # the API without TLS, for Open WebUI's container; never published
ADMIN_PORT = 9000
FIRST_PAGE_PORT = 10000  # of an Open WebUI for each participant or team
METRICS_PORT = 9001  # /metrics alone; published on the host's own 127.0.0.1 where `gateway.metrics` asks for it
CONFIG_DIR = "/etc/nginx/workshop"  # mounted read-only: nginx.conf, gateway.js, policy.json, tls/, edges/
DATA_DIR = "/var/lib/gateway"  # a volume: access.jsonl, counters
START = "start.sh"  # in CONFIG_DIR
HTTP2_FILE = "/run/http2.conf"  # in the container: "http2 on;", where START found nginx without the hole
HTTP2_HOLE = "CVE-2026-123007"


def start_command() -> list[str]:
    """Of the gateway's container."""
    hole = fault_named(HTTP2_HOLE)
    return ["sh", f"{CONFIG_DIR}/{START}", hole.below, hole.cve, HTTP2_FILE]


@dataclass(frozen=True, slots=True)
class Window:
    """When keys work, in epoch seconds (UTC), grace included; None on both sides: always.

    The texts are for people, and name the hours of the workshop itself.
    """

    opens: int | None = None
    closes: int | None = None
    opens_text: str = ""
    closes_text: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    host: str  # a container's name on the engines network, or an address
    port: int
    name: str = ""  # the backend's, for commands, metrics and the log
    health: str | None = None  # the path that the gateway's own check asks; None: only participants' requests tell
    drained: bool = False  # gets no new requests
    tls: bool = False
    host_header: str = "localhost"  # and, over TLS, whom the certificate must stand for
    edge: bool = False  # behind the edge of another host, which wants the gateway's certificate

    @property
    def backend(self) -> str:
        return self.name or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Page:
    """An Open WebUI of somebody's own, at a port of the gateway's container; without `server` it was closed."""

    port: int
    server: Server | None
    names: tuple[str, ...] = ()  # by which it is told from others at this port; none: it has the port alone


@dataclass(frozen=True, slots=True)
class Upstream:
    """Backends that are asked in the same way."""

    name: str  # [a-z0-9-]+
    servers: tuple[Server, ...]
    model: str  # the model's name there
    base_path: str = "/v1"
    headers: tuple[tuple[str, SecretStr], ...] = ()  # sent to it: ("Authorization", "Bearer sk-...")
    query: str = ""  # "api-version=2024-10-21"

    @property
    def is_providers(self) -> bool:
        """Somebody else's: of the headers of their answers only few are passed on."""
        return bool(self.headers) or any(server.tls and not server.edge for server in self.servers)


Balance = Literal["least_connections", "participant", "prompt"]


@dataclass(frozen=True, slots=True)
class RoutedModel:
    """A model as participants name it; its upstreams in the order they are tried."""

    name: str
    upstreams: tuple[str, ...]
    engine: str
    ollama: bool = False  # served on /ollama/api/* too
    aliases: tuple[str, ...] = ()  # other names that clients may send; not listed
    balance: Balance = "least_connections"  # over the servers of an upstream; `prompt`: by how the prompt begins
    limits: CallerLimits = UNBOUNDED  # for each caller, beside the caller's own


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    workshop: str
    title: str
    callers: tuple[Caller, ...]
    models: tuple[RoutedModel, ...]
    upstreams: tuple[Upstream, ...]
    window: Window = Window()
    limits: CallerLimits = UNBOUNDED
    webui: Server | None = None  # the one for everybody
    pages: tuple[Page, ...] = ()
    tls: bool = False  # tls/cert.pem and tls/key.pem lie in CONFIG_DIR
    authorities: bool = False  # authorities.pem lies there: whom upstreams' certificates may come from
    revision: int = 0  # of the participants: a change on the running gateway counts if it is newer than the file
    change: Mapping[str, str] | None = None  # what made the revision: its id, who and when

    @property
    def native(self) -> frozenset[str]:
        """The models that are served on Ollama's own routes too."""
        return frozenset(model.name for model in self.models if model.ollama)

    @property
    def edges(self) -> bool:
        """Whether backends stand behind edges: then the gateway's certificate for them lies in edges/."""
        return any(server.edge for upstream in self.upstreams for server in upstream.servers)
