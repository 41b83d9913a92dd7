"""Which names and addresses a certificate stands for. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cryptography import x509

LOOPBACK = "127.0.0.1"
EACH = "*."  # before a domain: every name one label below it


@dataclass(frozen=True, slots=True)
class Names:
    """Host names and addresses as they stand in URLs, the public one first, each once."""

    hosts: tuple[str, ...]

    @classmethod
    def of(cls, *hosts: str) -> Names:
        return cls(tuple(dict.fromkeys(host.lower() for host in hosts)))

    def __str__(self) -> str:
        return ", ".join(self.hosts)

    @property
    def alternatives(self) -> x509.SubjectAlternativeName:
        """What a server's certificate says it is."""
        return x509.SubjectAlternativeName([_general(host) for host in self.hosts])

    @property
    def constraints(self) -> x509.NameConstraints:
        """What an authority may sign for: these and nothing else; of `*.DOMAIN`, all below it.

        A kind of name that is not mentioned would be free (RFC 5280, 4.2.1.10), so both kinds always are.
        """
        hosts = dict.fromkeys((*self.hosts, "localhost", LOOPBACK))
        return x509.NameConstraints(permitted_subtrees=[_exactly(host) for host in hosts], excluded_subtrees=None)


def alternatives_of(certificate: x509.Certificate) -> set[x509.GeneralName]:
    """All names of a server's certificate."""
    return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def stands_for(certificate: x509.Certificate, host: str) -> bool:
    """Whether clients take it for the certificate of this name."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    known = {name.lower() for name in named.get_values_for_type(x509.DNSName)}
    return host in known or f"{EACH}{host.partition('.')[2]}" in known


def permits(authority: x509.Certificate, names: Names) -> bool:
    """Whether clients believe what this authority signs for these names."""
    try:
        permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or ()
    except x509.ExtensionNotFound:
        return False  # made by another program
    return {_exactly(host) for host in names.hosts} <= set(permitted)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _general(host: str) -> x509.GeneralName:
    address = _address(host)
    return x509.IPAddress(address) if address else x509.DNSName(host)


def _exactly(host: str) -> x509.GeneralName:
    address = _address(host)
    return x509.IPAddress(ipaddress.ip_network(address)) if address else x509.DNSName(host.removeprefix(EACH))
