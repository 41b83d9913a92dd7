"""An Open WebUI for each participant or team: who has one, on which port or by which name, and network. Pure.

Each has the number of its participant, or of the team's first: ids are given once, so that no port, and no card with
one, changes when people come and go. Those of people who left keep network and port, and have no container: without
them the gateway's own would have to be made anew.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from orchestrator.errors import UserError
from orchestrator.participants import Participant
from orchestrator.plan.deployment import WEBUI_CONTAINER_PORT, Deployment, Instance
from orchestrator.plan.gateway import FIRST_PAGE_PORT, WEBUI_PORT, Page, Server
from orchestrator.plan.stacks import distinct, slug
from orchestrator.spec.workshop import Workshop

ADDRESSES = 8  # of one network: its own, the bridge, the gateway, the instance; the rest while one is replaced
CHOSEN_FROM = ipaddress.IPv4Network("10.192.0.0/10")  # Docker's own choices begin with 172 and 192
CHOSEN_BITS = 20  # of the prefix of one workshop's share: 512 networks
HIGHEST_PORT = 65535

_Owner = tuple[str, str | None, int, tuple[str, ...]]  # service, team, number from 0, members


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
            service=service,
            team=team,
            page=_page(workshop, number, service, Server(service, WEBUI_CONTAINER_PORT) if members else None),
            port=_port(workshop, number),
            subnet=_nth(subnets, number),
            members=members,
            label=_label(service) if workshop.webui.domain else None,
        )
        for service, team, number, members in _owners(workshop, people)
    )


def instance_of(found: Iterable[Instance], person: Participant) -> Instance | None:
    """Where somebody signs in; None: nowhere."""
    return next((one for one in found if person.id in one.members), None)


def session_purpose(service: str) -> str:
    """For which the secret of an instance's sessions is derived: its administrator can read it there."""
    return f"webui-sessions {service}"


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


def _owners(workshop: Workshop, people: Sequence[Participant]) -> Iterator[_Owner]:
    there = {person.id for person in people if person.state != "removed"}
    if workshop.webui.mode == "per_participant":
        for person in people:
            yield f"webui-{person.id}", None, _number(person), (person.id,) if person.id in there else ()
        return
    by_team: dict[str, list[Participant]] = {}
    for person in people:
        if person.team:
            by_team.setdefault(person.team, []).append(person)
    names = distinct(by_team, lambda team: f"webui-team-{slug(team)}")
    for team, members in by_team.items():
        present = tuple(person.id for person in members if person.id in there)
        yield names[team], team, _number(members[0]), present


def _page(workshop: Workshop, number: int, service: str, server: Server | None) -> Page:
    if workshop.webui.domain is None:
        return Page(FIRST_PAGE_PORT + number, server)
    return Page(WEBUI_PORT, server, tuple(f"{_label(service)}.{domain}" for domain in domains(workshop)))


def _label(service: str) -> str:
    return service.removeprefix("webui-")


def _number(person: Participant) -> int:
    return int(person.id[1:]) - 1


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
