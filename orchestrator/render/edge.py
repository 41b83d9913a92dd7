"""The files of an edge, and what the gateway needs to ask edges. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.plan.deployment import Backend, Stack
from orchestrator.plan.edges import CLIENT_AUTHORITY, CLIENT_PAIR, EDGE_DOMAIN, EDGE_HEALTH_PORT, EDGE_PORT
from orchestrator.plan.gateway import CONFIG_DIR
from orchestrator.render.files import PRIVATE, READABLE, File
from orchestrator.render.gateway import CLIENT_CONF, PATHS
from orchestrator.render.nginx import DOCKER_DNS, nginx_text, server_values
from orchestrator.resources import TEMPLATES

NATIVE = "/ollama"  # before the paths of Ollama's own API, as participants call it
METRICS = "/metrics"  # how full the engine is; Ollama has none


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EdgeCredentials:
    """What edges and gateway show each other."""

    authority: bytes  # its certificate
    gateway: Credentials
    hosts: Mapping[str, Credentials]


def edge_files(stack: Stack, credentials: EdgeCredentials, *, resolver: str = DOCKER_DNS) -> dict[str, File]:
    """All that is mounted into the edge's container, by name."""
    own = credentials.hosts[stack.host.name]
    return {
        "nginx.conf": File(edge_conf(stack, resolver=resolver).encode(), READABLE),
        "authority.pem": File(credentials.authority, READABLE),
        "cert.pem": File(own.certificate, READABLE),
        "key.pem": File(own.key, PRIVATE),
    }


def gateway_files(credentials: EdgeCredentials) -> dict[str, File]:
    """What lies with the gateway's configuration, by name."""
    own = credentials.gateway
    return {
        CLIENT_CONF: File(_client_conf(own).encode(), PRIVATE),
        CLIENT_PAIR: File(own.certificate + own.key, PRIVATE),
        CLIENT_AUTHORITY: File(credentials.authority, READABLE),
    }


def edge_conf(stack: Stack, *, resolver: str = DOCKER_DNS) -> str:
    values: dict[str, object] = {
        "config_dir": CONFIG_DIR,
        "resolver": resolver,
        "port": EDGE_PORT,
        "health_port": EDGE_HEALTH_PORT,
        "backends": [_backend(backend) for backend in stack.backends],
    }
    return nginx_text(TEMPLATES / "edge", "nginx.conf.j2", values)


def _backend(backend: Backend) -> dict[str, object]:
    server = backend.server
    gets = [path for path in (server.health, METRICS if backend.container.metrics else None) if path]
    return {
        "service": backend.service,
        "name": server.host_header,
        "posts": _posts(native=backend.container.native),
        "gets": gets,
        **server_values(backend.service, backend.container.port),
    }


def _posts(*, native: bool) -> list[str]:
    """What the gateway may send there; see PATHS."""
    own = [path.removeprefix(NATIVE) for path in PATHS if path.startswith(f"{NATIVE}/")]
    plain = [path for path in PATHS if not path.startswith(f"{NATIVE}/")]
    return [*plain, *own] if native else plain


def _client_conf(own: Credentials) -> str:
    """Two variables, empty where no edge is asked.

    Not two files named in nginx.conf: providers that ask for a certificate would see it. Nor files that are named by a
    variable: nginx's workers would have to read the key. `volatile`: the next backend of a request may be a provider's.
    """
    return "".join(_map(name, pem) for name, pem in (("certificate", own.certificate), ("key", own.key)))


def _map(name: str, pem: bytes) -> str:
    domain = EDGE_DOMAIN.replace(".", r"\.")
    lines = ("volatile;", "default '';", f"~\\.{domain}$ 'data:{pem.decode()}';")
    return f"map $gw_host $edge_{name} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"
