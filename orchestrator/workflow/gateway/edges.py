"""The certificates by which gateway and edges know each other: what should be there, and making it so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.plan.edges import edge_hosts
from orchestrator.spec.loader import Spec
from orchestrator.state.folder import StateFolder

if TYPE_CHECKING:  # rendering takes long to come up
    from orchestrator.render.edge import Credentials, EdgeCredentials
    from orchestrator.tls.edges import IssuedEdges
    from orchestrator.tls.pair import Pair


@dataclass(frozen=True, slots=True)
class EdgesShown:
    """`credentials` None: no host is behind an edge."""

    credentials: EdgeCredentials | None = None
    new: tuple[tuple[str, str], ...] = ()  # (for whom, why)


def edges_shown(spec: Spec, folder: StateFolder) -> EdgesShown:
    """What edges and gateway should show each other; writes nothing. Raises UserError for files that can't be used."""
    issued = _issued(spec, folder)
    return EdgesShown(credentials_of(issued), issued.new) if issued else EdgesShown()


def certify_edges(spec: Spec, folder: StateFolder) -> tuple[tuple[str, str], ...]:
    """Make what is missing or would not serve until the end, forget what is not needed. Who got a new one, and why."""
    from orchestrator.tls.edge_store import forget_edges, save_edges

    issued = _issued(spec, folder)
    if issued is None:
        forget_edges(folder)
        return ()
    save_edges(folder, issued)
    return issued.new


def credentials_of(issued: IssuedEdges) -> EdgeCredentials:
    """As files hold them."""
    from orchestrator.render.edge import EdgeCredentials

    hosts = {host: _credentials(pair) for host, pair in issued.hosts.items()}
    return EdgeCredentials(issued.authority.certificate_pem, _credentials(issued.gateway), hosts)


def _issued(spec: Spec, folder: StateFolder) -> IssuedEdges | None:
    hosts = tuple(host.name for host in edge_hosts(spec.workshop))
    if not hosts:
        return None
    from orchestrator.tls.edge_store import load_edges
    from orchestrator.tls.edges import WantedEdges, issue_edges

    window = spec.workshop.window
    now = datetime.now(UTC).replace(microsecond=0)
    wanted = WantedEdges(spec.workshop.name, hosts, window[1] if window else None, now)
    return issue_edges(wanted, load_edges(folder))


def _credentials(pair: Pair) -> Credentials:
    from orchestrator.render.edge import Credentials

    return Credentials(pair.certificate_pem, pair.key_pem)
