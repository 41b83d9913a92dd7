"""What must hold between the hosts: who has which role, no machine twice, addresses that the gateway can reach."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.spec.hosts import LOCAL, Host
from orchestrator.spec.section import Problem


def role_problems(hosts: Sequence[Host], *, webui: bool) -> Iterable[Problem]:
    """One gateway, and beside it one Open WebUI where there is one at all."""
    for role in ("gateway", *(["webui"] if webui else [])):
        holders = [index for index, host in enumerate(hosts) if role in host.roles]
        if not holders:
            yield Problem(("hosts",), f"no host has the role {role}")
        for index in holders[1:]:
            yield Problem(("hosts", index, "roles"), f"a second host with the role {role}; one is enough")
        if role == "webui" and holders and "gateway" not in hosts[holders[0]].roles:
            hint = f"Give {_gateway(hosts)} the role webui instead"
            yield Problem(("hosts", holders[0], "roles"), "webui must be on the gateway's host", hint)


def machine_problems(hosts: Sequence[Host]) -> Iterator[Problem]:
    """Two hosts must be two machines, each with one stack, and the gateway must find the engines of the others."""
    has_gateway = any("gateway" in host.roles for host in hosts)
    seen: dict[tuple[object, ...], Host] = {}
    for index, host in enumerate(hosts):
        yield from _no_address(index, "address", host.address)
        yield from _no_address(index, "private", host.private)
        machine = (LOCAL,) if host.is_local else (host.address.lower(), host.port, host.jump)
        other = seen.setdefault(machine, host)
        if other.name != host.name:  # two of one name are told apart from this
            message = f"{other.name} and {host.name} are the same machine: {_place(host)}"
            yield Problem(("hosts", index), message, "Give one of them the roles of both")
        elif has_gateway and host.is_behind_edge:
            yield from _edge_problems(hosts, index)


def _edge_problems(hosts: Sequence[Host], index: int) -> Iterator[Problem]:
    """Where the gateway's container is to find this host."""
    host = hosts[index]
    field, address = ("private", host.private) if host.private else ("address", host.address)
    if is_loopback(address):
        message = f"{_gateway(hosts)} can't reach {host.name} at {address}: that is {_gateway(hosts)} itself"
        hint = f"Say in private: at which address {_gateway(hosts)} reaches {host.name}"
        yield Problem(("hosts", index, field), message, hint)


def _no_address(index: int, field: str, address: str | None) -> Iterator[Problem]:
    if address and ":" in address and not _is_number(address):
        yield Problem(("hosts", index, field), f"{address} is no address", "A port is given as port: or edge_port:")


def _gateway(hosts: Sequence[Host]) -> str:
    return next((host.name for host in hosts if "gateway" in host.roles), "the gateway's host")


def _place(host: Host) -> str:
    return "both are this one" if host.is_local else f"{host.address}, port {host.port}"


def is_loopback(address: str) -> bool:
    """Whether it leads from each machine to itself."""
    if address.lower() == LOCAL:
        return True
    return _is_number(address) and ipaddress.ip_address(address).is_loopback


def _is_number(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
