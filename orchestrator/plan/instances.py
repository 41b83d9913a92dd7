"""An Open WebUI for each participant or team: who has one, on which port or by which name, and network. Pure.

Port and network follow the page's number, so that no card changes when people come and go. Those of people who left
keep network and port, and have no container: without them the gateway's own would have to be made anew.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestrator.errors import UserError
from orchestrator.identity.pages import OwnPage, own_pages
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import WEBUI_CONTAINER_PORT, Deployment, Instance
from orchestrator.plan.gateway import FIRST_PAGE_PORT, WEBUI_PORT, Page, Server
from orchestrator.spec.workshop import Workshop

ADDRESSES = 8  # of one network: its own, the bridge, the gateway, the instance; the rest while one is replaced
CHOSEN_FROM = ipaddress.IPv4Network("10.192.0.0/10")  # Docker's own choices begin with 172 and 192
CHOSEN_BITS = 20  # of the prefix of one workshop's share: 512 networks
HIGHEST_PORT = 65535


def with_instances(deployment: Deployment, workshop: Workshop, people: Sequence[Participant]) -> Deployment:
    """The deployment with everybody's own Open WebUI beside the gateway; `people` are all who ever took part."""
    found = instances(workshop, people)
    stacks = (replace(stack, instances=found) if stack.has_instances else stack for stack in deployment.stacks)
    return replace(deployment, stacks=tuple(stacks))


def instances(workshop: Workshop, people: Sequence[Participant]) -> tuple[Instance, ...]:
    """In the order of the people's ids; none where there is one for everybody, or none at all.

    Raises UserError `too_many_instances` where there are more than ports or addresses.
    """
    if not workshop.webui.is_own:
        return ()
    subnets = share(workshop)
    return tuple(
        Instance(
            own=own,
            page=_page(workshop, own),
            port=_port(workshop, own.number),
            subnet=_nth(subnets, own.number),
            label=own.caller if workshop.webui.domain else None,
        )
        for own in own_pages(workshop, people)
    )


def instance_of(found: Iterable[Instance], person: Participant) -> Instance | None:
    """Where somebody signs in; None: nowhere."""
    return next((one for one in found if one.own.holds(person.id)), None)


def own_ports(found: Iterable[Instance]) -> tuple[tuple[int, str], ...]:
    """Those of the gateway's host that they take alone, each with the field of the spec that says so."""
    return tuple((one.port, "webui.port") for one in found if one.label is None)


def domains(workshop: Workshop) -> tuple[str, ...]:
    """Below which they have their names. In practice one more, which leads every browser to its own machine."""
    if workshop.webui.domain is None or not workshop.webui.is_own:
        return ()
    return (workshop.webui.domain, *([practice_domain(workshop)] if workshop.practice else []))


def practice_domain(workshop: Workshop) -> str:
    """RFC 6761, 6.3: names that end so need no DNS."""
    return f"{workshop.name}.localhost"


def share(workshop: Workshop) -> ipaddress.IPv4Network:
    """The addresses of all these networks."""
    if workshop.webui.subnets:
        return ipaddress.IPv4Network(workshop.webui.subnets)
    drawn = int.from_bytes(hashlib.sha256(workshop.name.encode()).digest()[:4])
    size = 2 ** (32 - CHOSEN_BITS)
    start = int(CHOSEN_FROM.network_address) + drawn % (CHOSEN_FROM.num_addresses // size) * size
    return ipaddress.IPv4Network((start, CHOSEN_BITS))


def _page(workshop: Workshop, own: OwnPage) -> Page:
    server = Server(own.service, WEBUI_CONTAINER_PORT) if own.members else None
    if workshop.webui.domain is None:
        return Page(FIRST_PAGE_PORT + own.number, server)
    return Page(WEBUI_PORT, server, tuple(f"{own.caller}.{domain}" for domain in domains(workshop)))


def _port(workshop: Workshop, number: int) -> int:
    if workshop.webui.domain is not None:
        return workshop.webui.port
    port = workshop.webui.port + number
    if port > HIGHEST_PORT:
        raise _too_many(f"there is no port left for the {number + 1}th")
    if field := next((field for field, taken in workshop.published.items() if taken == port), None):
        raise _too_many(f"port {port} is {field} already")
    return port


def _nth(subnets: ipaddress.IPv4Network, number: int) -> str:
    first = int(subnets.network_address) + number * ADDRESSES
    if first + ADDRESSES - 1 > int(subnets.broadcast_address):
        raise _too_many(f"webui.subnets, {subnets}, has addresses for {subnets.num_addresses // ADDRESSES} only")
    return f"{ipaddress.IPv4Address(first)}/29"


def _too_many(why: str) -> UserError:
    hint = "Give webui.port and webui.subnets room for as many as there are participants"
    return UserError("too_many_instances", f"an Open WebUI for each can't be had: {why}", hint=hint)
