"""Under which address participants reach a workshop."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestrator.plan.deployment import Instance
from orchestrator.plan.gateway import INTERNAL_PORT
from orchestrator.plan.instances import domains, practice_domain
from orchestrator.spec.workshop import Workshop

INTERNAL_GATEWAY = f"http://gateway:{INTERNAL_PORT}/v1"  # as Open WebUI's container reaches it


@dataclass(frozen=True, slots=True)
class Addresses:
    """URLs as participants type them, and as this machine reaches the same ports."""

    api: str  # without a path
    webui: str | None  # the one for everybody, wherever it is
    local_api: str
    local_webui: str | None
    guessed: bool  # it is the own address of the gateway's host, because the spec names none
    own_pages: bool = False  # an Open WebUI for each participant or team: `page` says where
    domains: tuple[str, ...] = ()  # below which these have names, the one that is told first; none: each has a port

    @property
    def api_base(self) -> str:
        return f"{self.api}/v1"

    def page(self, instance: Instance) -> str:
        """Somebody's own Open WebUI, as participants type it."""
        if instance.label is None:
            return _at_port(self.api, instance.port)
        return self._named(instance, self.domains[0])

    def local_page(self, instance: Instance) -> str:
        """The same, as this machine reaches it: where it has a name, it is asked for by it there."""
        return _at_port(self.local_api, instance.port)

    def other_pages(self, instance: Instance) -> tuple[str, ...]:
        """Further addresses of the same."""
        if instance.label is None:
            return nearby(self.local_page(instance))
        return tuple(self._named(instance, domain) for domain in self.domains[1:])

    def _named(self, instance: Instance, domain: str) -> str:
        return url(urlsplit(self.api).scheme, f"{instance.label}.{domain}", instance.port)


def addresses(workshop: Workshop) -> Addresses:
    """The workshop's addresses; without `public.host`, those of this machine."""
    gateway_host = next(host for host in workshop.hosts if "gateway" in host.roles)
    local = workshop.practice or gateway_host.is_local
    named = workshop.public.host
    if named and workshop.practice and not is_this_machine(named):
        named = None  # the name of the real class: nobody would find the practice one there
    host = named or (own_address() if local else gateway_host.address)
    scheme = "https" if workshop.public.tls else "http"
    webui, elsewhere = workshop.webui.port if workshop.webui.is_here else None, workshop.webui.url
    near = "127.0.0.1" if local else gateway_host.address
    return Addresses(
        api=url(scheme, host, workshop.gateway.port),
        webui=elsewhere or (url(scheme, host, webui) if webui else None),
        local_api=url(scheme, near, workshop.gateway.port),
        local_webui=elsewhere or (url(scheme, near, webui) if webui else None),
        guessed=named is None,
        own_pages=workshop.webui.is_own,
        domains=_domains(workshop),
    )


def nearby(local: str) -> tuple[str, ...]:
    """An address of this machine as a browser on it may write it."""
    return local, local.replace("127.0.0.1", "localhost")


def _domains(workshop: Workshop) -> tuple[str, ...]:
    """In practice nobody would find this machine by the name of the real class."""
    found = domains(workshop)
    if not found or not workshop.practice or found[0].endswith(".localhost") or is_this_machine(f"p01.{found[0]}"):
        return found
    return practice_domain(workshop), found[0]


def _at_port(base: str, port: int) -> str:
    parts = urlsplit(base)
    return url(parts.scheme, str(parts.hostname), port)


def url(scheme: str, host: str, port: int) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{bracketed}" if port == usual else f"{scheme}://{bracketed}:{port}"


def is_this_machine(host: str) -> bool:
    """Whether a name or address leads to this machine."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return any(_can_bind(family, address) for family, *_, address in found)


def _can_bind(family: int, address: object) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(address)  # type: ignore[arg-type]  # a pair or a quadruple, as getaddrinfo gives it
    except OSError:
        return False
    return True


def own_address() -> str:
    """The address of this machine on the network by which it would leave. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: only the routing table is asked
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
