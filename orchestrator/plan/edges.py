"""The edge of a host: the only way to its engines, for the gateway of another host and for nobody else. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.spec.hosts import Host
from orchestrator.spec.workshop import Workshop

EDGE_SERVICE = "edge"
EDGE_PORT = 7443  # inside its container
EDGE_HEALTH_PORT = 8081  # on its container's loopback
EDGE_DOMAIN = "edge.internal"  # .internal is nobody's: ICANN resolution 2024.07.29.06
# In the gateway's CONFIG_DIR, for curl, which checks run inside its container: nginx has them in a form of its own.
CLIENT_PAIR = "edges/client.pem"  # certificate and key
CLIENT_AUTHORITY = "edges/authority.pem"


@dataclass(frozen=True, slots=True)
class Edge:
    """Where the gateway's host finds the edge of `host`."""

    host: str  # its name in the spec
    address: str
    port: int

    @classmethod
    def of(cls, host: Host) -> Edge:
        return cls(host.name, host.private or host.address, host.edge_port)

    def name_of(self, service: str) -> str:
        """One of its backends, as Host header and SNI name it."""
        return f"{service}.{domain_of(self.host)}"


def domain_of(host: str) -> str:
    """What the edge's certificate stands for: every name right below."""
    return f"{host}.{EDGE_DOMAIN}"


def edge_hosts(workshop: Workshop) -> tuple[Host, ...]:
    """Hosts that get an edge when a backend is placed there."""
    if workshop.practice:
        return ()
    return tuple(host for host in workshop.hosts if host.is_behind_edge)
