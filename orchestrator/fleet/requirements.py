"""What a host must have before a stack is put there, judged from a look at it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import DockerHost, engine_trouble
from orchestrator.fleet.machine import Look
from orchestrator.pins import LEAST, least

INSTALL_COMPOSE = (
    "Install the Compose plugin that belongs to your Docker (Debian 13: docker-compose, Ubuntu: docker-compose-v2)"
)


def require_docker(host: str, found: Look) -> None:
    """Raises UserError `docker_unreachable` unless the engine answers who provisions."""
    if found.docker is None:
        raise engine_trouble(host, found.docker_said)


def require_compose(host: str, found: Look) -> None:
    """Raises UserError `compose_missing` unless a Compose answers that is new enough."""
    problem = compose_problem(host, found.compose)
    if problem is not None:
        raise problem


def compose_problem(host: str, version: str | None) -> UserError | None:
    """`version` as `docker compose version --short` tells it; None: it does not answer."""
    where = Where(host=host)
    if version is None:
        return UserError("compose_missing", "docker compose does not answer", where=where, hint=INSTALL_COMPOSE)
    numbers = re.search(r"(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < least("compose"):
        what = f"Compose {version} is older than {LEAST['compose']}"
        return UserError("compose_missing", what, where=where, hint=INSTALL_COMPOSE)
    return None


def require_free_ports(docker: DockerHost, workshop: str, found: Look, ports: Iterable[tuple[int, str]]) -> None:
    """Raises UserError `port_in_use` for the first that somebody else holds; `ports` are (port, field of the spec)."""
    published = docker.published_ports()
    for port, field in ports:
        problem = port_problem(docker.name, workshop, published.get(port), (port, field), busy=port in found.busy)
        if problem is not None:
            raise problem


def require_free_subnets(host: str, wanted: Iterable[str], taken: Mapping[str, str]) -> None:
    """Raises UserError `subnet_in_use`; `taken` are addresses with who has them."""
    for text in wanted:
        for other, holder in taken.items():
            if ip_network(text).overlaps(ip_network(other)):
                raise UserError(
                    "subnet_in_use",
                    f"the addresses {text}, for an Open WebUI's own network, are those of {holder} ({other})",
                    where=Where(host=host),
                    hint="Give webui.subnets others that are free, such as 10.50.0.0/20",
                )


def port_problem(
    host: str, workshop: str, holder: str | None, wanted: tuple[int, str], *, busy: bool
) -> UserError | None:
    """`holder` publishes the port from a container: the workshop's name or another's; `busy`: somebody listens."""
    port, field = wanted
    if holder == workshop or (holder is None and not busy):
        return None
    who = f" by {holder}" if holder else ""
    hint = f"Stop what listens there (sudo ss -ltnp 'sport = :{port}'), or choose another {field} in workshop.yaml"
    return UserError("port_in_use", f"port {port} is in use{who}", where=Where(host=host), hint=hint)
