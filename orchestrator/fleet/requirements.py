"""What a host must have before a stack is put there, judged from a look at it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import DockerHost, engine_trouble
from orchestrator.fleet.machine import Look

COMPOSE_LEAST = (2, 20)
INSTALL_COMPOSE = (
    "Install the Compose plugin that belongs to your Docker (Debian 13: docker-compose, Ubuntu: docker-compose-v2)"
)


def require_docker(host: str, found: Look) -> None:
    """Raises UserError `docker_unreachable` unless the engine answers who provisions."""
    if found.docker is None:
        raise engine_trouble(host, found.docker_said)


def require_compose(host: str, found: Look) -> None:
    """Raises UserError `compose_missing` unless Compose v2.20 or newer answers."""
    where = Where(host=host)
    if found.compose is None:
        raise UserError("compose_missing", "docker compose does not answer", where=where, hint=INSTALL_COMPOSE)
    version = re.search(r"(\d+)\.(\d+)", found.compose)
    if version is None or (int(version[1]), int(version[2])) < COMPOSE_LEAST:
        raise UserError(
            "compose_missing", f"Compose {found.compose} is older than 2.20", where=where, hint=INSTALL_COMPOSE
        )


def require_free_ports(docker: DockerHost, workshop: str, found: Look, ports: Iterable[tuple[int, str]]) -> None:
    """Raises UserError `port_in_use` for the first that somebody else holds; `ports` are (port, field of the spec)."""
    published = docker.published_ports()
    for port, field in ports:
        holder = published.get(port)
        if holder == workshop or (holder is None and port not in found.busy):
            continue
        who = f" by {holder}" if holder else ""
        hint = f"Stop what listens there (sudo ss -ltnp 'sport = :{port}'), or choose another {field} in workshop.yaml"
        raise UserError("port_in_use", f"port {port} is in use{who}", where=Where(host=docker.name), hint=hint)
