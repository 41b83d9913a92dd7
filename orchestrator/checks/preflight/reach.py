"""Whom a host reaches: the other hosts, registries of images, hubs with weights. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.checks.preflight.facts import Facts, Needs
from orchestrator.checks.preflight.finding import Finding

CAME_BACK = {"reached", "refused"}  # before anything is deployed nobody listens: that is told, too
COPIED = (
    "Images are then copied there from the machine that runs provision. Else give images.registry: a mirror in its "
    "network, or images.source: archive"
)
NO_HUB = "Open the way to it, set a proxy, or bring the weights in a folder: WORKSHOP_WEIGHTS"
AUTHORITY = "Something between reads along, or its authority is not known there: install that certificate on the host"


def peers(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """From the gateway's host to those with engines."""
    for name, (address, port) in needs.peers.items():
        word = facts.reached.get(name)
        if word in CAME_BACK:
            yield Finding("peers", host, "ok", f"{name} is reached")
        elif word == "no name":
            what = f"no host named {address} is known there, which is {name}"
            yield Finding("peers", host, "problem", what, f"Write an address: hosts[].private of {name}")
        elif word is not None:
            remedy = (
                f"Let the firewalls between them pass TCP port {port} from {host} to {name}, or write the address of "
                f"the network that both are in: hosts[].private of {name}"
            )
            yield Finding("peers", host, "problem", f"{name} is not reached at {address}:{port}: {word}", remedy)


def registries(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Only where an image of it is not there yet."""
    if facts.engine.version is None:
        return
    for name in needs.registries:
        word = facts.reached.get(name)
        if facts.engine.proxy:
            yield Finding("registry", host, "ok", f"Docker asks {name} through a proxy of its own; not tried")
        elif word in CAME_BACK | {"certificate"}:  # whom to trust is the engine's to say
            yield Finding("registry", host, "ok", f"{name} is reached{_through(facts)}")
        elif word is not None:
            yield Finding("registry", host, "warn", f"{name} is not reached: {word}{_through(facts)}", COPIED)


def hubs(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    for name in needs.hubs:
        word = facts.reached.get(name)
        if word == "reached":
            yield Finding("hub", host, "ok", f"{name} is reached{_through(facts)}")
        elif word == "certificate":
            yield Finding("hub", host, "warn", f"the certificate of {name} is not trusted there", AUTHORITY)
        elif word is not None:
            what, copy = f"{name} is not reached: {word}{_through(facts)}", facts.copies.get(name)
            if copy is None:
                yield Finding("hub", host, "problem", what, NO_HUB)
            elif not copy:
                yield Finding("hub", host, "ok", f"{what}; the weights are there")
            else:
                yield Finding("hub", host, "warn", what, f"Nothing: the weights are copied there from {copy}")


def _through(facts: Facts) -> str:
    return f" (through the environment's {facts.basics.proxies[0]})" if facts.basics.proxies else ""
