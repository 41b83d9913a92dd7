"""The certificates by which the gateway and the edges of other hosts know each other. Pure, but for randomness.

One authority for nothing else. The gateway's certificate is for clients only, those of edges are for servers only: who
takes over an inference host can pose neither as the gateway nor as another host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from orchestrator.plan.edges import EDGE_DOMAIN, domain_of
from orchestrator.tls.lifetime import AUTHORITY, SLACK, ends, needed_until
from orchestrator.tls.names import Names, alternatives_of
from orchestrator.tls.pair import BOTH, CLIENTS_ONLY, SERVERS_ONLY, Pair, make_bound_authority, make_leaf

GATEWAY = Names.of(f"gateway.{EDGE_DOMAIN}")
CONSTRAINTS = x509.NameConstraints(  # a kind of name that is not mentioned would be free: RFC 5280, 4.2.1.10
    permitted_subtrees=[x509.DNSName(EDGE_DOMAIN)],
    excluded_subtrees=[x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")],
)


@dataclass(frozen=True, slots=True)
class WantedEdges:
    workshop: str
    hosts: Sequence[str]  # their names in the spec
    closes: datetime | None  # with an offset; None: always open
    now: datetime  # with an offset


@dataclass(frozen=True, slots=True)
class KeptEdges:
    """What was made before."""

    authority: Pair | None = None
    gateway: Pair | None = None
    hosts: Mapping[str, Pair] = field(default_factory=dict)  # of hosts that left, too


@dataclass(frozen=True, slots=True)
class IssuedEdges:
    """What should be there; `new` says for whom one was made, and why."""

    authority: Pair
    gateway: Pair
    hosts: Mapping[str, Pair]
    new: tuple[tuple[str, str], ...]  # (for whom, reason): "the edges' authority", "gateway", names of hosts


def issue_edges(wanted: WantedEdges, kept: KeptEdges) -> IssuedEdges:
    """Those that are there, as long as they serve; else new ones."""
    begins, until = wanted.now - SLACK, ends(wanted.closes, wanted.now)
    new: list[tuple[str, str]] = []
    authority = kept.authority
    lack = _lack_of_authority(wanted, authority)
    if authority is None or lack:
        title, lasts = f"{wanted.workshop} workshop edges CA", max(until, wanted.now + AUTHORITY)
        authority = make_bound_authority(title, CONSTRAINTS, BOTH, begins, lasts)
        new.append(("the edges' authority", lack or ""))
    until = min(until, authority.certificate.not_valid_after_utc)

    def serves(who: str, names: Names, usage: x509.ExtendedKeyUsage, pair: Pair | None) -> Pair:
        lack = _lack(wanted, authority, names, pair)
        if pair is not None and not lack:
            return pair
        new.append((who, lack or ""))
        return make_leaf(f"{wanted.workshop} workshop {who}", usage, names.alternatives, authority, begins, until)

    gateway = serves("gateway", GATEWAY, CLIENTS_ONLY, kept.gateway)
    hosts = {host: serves(host, names_of(host), SERVERS_ONLY, kept.hosts.get(host)) for host in wanted.hosts}
    return IssuedEdges(authority, gateway, hosts, tuple(new))


def names_of(host: str) -> Names:
    """Those of its backends, whichever they are."""
    return Names.of(f"*.{domain_of(host)}")


def _lack_of_authority(wanted: WantedEdges, authority: Pair | None) -> str | None:
    if authority is None:
        return "there is none yet"
    if authority.certificate.not_valid_after_utc < needed_until(wanted.closes, wanted.now):
        return "the one before ends too soon"
    return None


def _lack(wanted: WantedEdges, authority: Pair, names: Names, pair: Pair | None) -> str | None:
    if pair is None:
        return "there is none yet"
    if not authority.signed(pair.certificate):
        return "the one before is another authority's"
    if alternatives_of(pair.certificate) != set(names.alternatives):
        return "the one before is for other names"
    if pair.certificate.not_valid_after_utc < needed_until(wanted.closes, wanted.now):
        return "the one before ends too soon"
    return None
