"""Whether the names of people's own Open WebUIs lead to the gateway, as far as this machine's DNS knows."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from orchestrator.checks.preflight.finding import Finding
from orchestrator.plan.deployment import Deployment, Instance
from orchestrator.workflow.wanted.address import Addresses

CHECK = "names"
Resolve = Callable[[str], set[str]]  # a host's addresses; none: nobody knows it


def by_name_nowhere(where: Addresses, instance: Instance) -> bool:
    """It has a name, and nobody knows it here: so this machine asks at the gateway's address for it."""
    return instance.label is not None and not _resolved(_host(where.page(instance)))


def name_notes(where: Addresses, deployment: Deployment) -> tuple[str, ...]:
    """The findings as lines, where they do not."""
    return tuple(str(finding) for finding in name_findings(where, deployment) if finding.level != "ok")


def name_findings(where: Addresses, deployment: Deployment, known: Resolve | None = None) -> Iterator[Finding]:
    """Of the first and the last: a record for all of them is one, and records for each are written in order.

    Never a problem: the class may have another DNS than the instructor's desk.
    """
    named = [one for stack in deployment.stacks for one in stack.running if one.label is not None]
    if not named or where.domains[0].endswith(".localhost"):
        return
    resolve, gateway = known or _resolved, _host(where.api)
    wanted = resolve(gateway)
    for instance in dict.fromkeys((named[0], named[-1])):
        name = _host(where.page(instance))
        found = resolve(name)
        if found & wanted:
            yield Finding(CHECK, None, "ok", f"{name} leads to the gateway")
            continue
        what = f"{name} leads to {', '.join(sorted(found))}" if found else f"nobody knows {name} here"
        what += f", and the gateway is {gateway}"
        yield Finding(CHECK, None, "warn", what, f"Set in the DNS of the class: {_record(where.domains[0], gateway)}")
        return


def _record(domain: str, gateway: str) -> str:
    try:
        kind = "A" if ipaddress.ip_address(gateway).version == 4 else "AAAA"  # noqa: PLR2004
    except ValueError:
        return f"*.{domain}. CNAME {gateway}."
    return f"*.{domain}. {kind} {gateway}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _resolved(name: str) -> set[str]:
    try:
        return {str(address[0]) for *_, address in socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)}
    except OSError:
        return set()
