"""Whether the ports that a workshop publishes are free on this machine."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import DockerHost


def require_free_ports(docker: DockerHost, workshop: str, ports: Iterable[tuple[int, str]]) -> None:
    """Raises UserError `port_in_use` for the first that somebody else holds; `ports` are (port, field of the spec)."""
    published = docker.published_ports()
    for port, field in ports:
        holder = published.get(port)
        if holder == workshop:
            continue
        if holder is None and _is_free(port):
            continue
        who = f" by {holder}" if holder else ""
        hint = f"Stop what listens there (sudo ss -ltnp 'sport = :{port}'), or choose another {field} in workshop.yaml"
        raise UserError("port_in_use", f"port {port} is in use{who}", where=Where(host=docker.name), hint=hint)


def _is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - what Docker will bind
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return False
    return True
