"""The machine itself: who may do what there, its system, its memory, its clock. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.checks.preflight.facts import Facts, Needs
from orchestrator.checks.preflight.finding import Finding
from orchestrator.engines.size import GIB, gib
from orchestrator.plan.instance_memory import memory_of, shortage

LEAST_MEMORY = GIB  # below that even a gateway alone is not safe
OFF, FAR_OFF, FAR_OFF_AT_THE_DOOR = 2.0, 60.0, 10.0  # s
SET_THE_CLOCK = (
    "Let it follow a time server: sudo timedatectl set-ntp true (Debian, Ubuntu: apt install systemd-timesyncd). "
    "Where all hosts are off alike, it is this machine's clock"
)
SAME_NAME = {"amd64": "x86_64", "arm64": "aarch64"}


def sudo(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:  # noqa: ARG001 - it answered at all
    if needs.become:
        yield Finding("sudo", host, "ok", "sudo without a password")


def system(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    found = facts.basics
    numbers = re.findall(r"\d+", found.python)
    if tuple(map(int, numbers[:2])) < needs.python.python:
        least = ".".join(map(str, needs.python.python))
        what = f"Python {found.python} is older than {least}, which {needs.python.by} asks of hosts"
        yield Finding("system", host, "problem", what, f"Install python3 {least} or newer there")
    kind = SAME_NAME.get(found.machine, found.machine)
    if needs.same_machine and kind != SAME_NAME.get(needs.same_machine, needs.same_machine):
        what = f"its processor is {kind}, and images made or pulled here are for {needs.same_machine}"
        remedy = "Use images.source: registry with a registry that the host reaches itself, or a host like this machine"
        yield Finding("system", host, "warn", what, remedy)
    yield Finding("system", host, "ok", f"{found.system}, {kind}, {found.cores} cores, Python {found.python}")


def memory(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    total, available = facts.basics.memory, facts.basics.available
    if total is None or available is None:
        yield Finding("memory", host, "unknown", "the system does not tell its memory", "Look there: free -h")
        return
    what = f"{gib(available)} of {gib(total)} free"
    if short := shortage(needs.instances, total, others=needs.memory - memory_of(needs.instances)):
        remedy = "Choose another webui.mode, or take a machine with more memory"
        yield Finding("memory", host, "problem", short, remedy)
        return
    remedy = "Stop what is not needed there, or take a machine with more memory"
    if facts.engine.running:  # what they hold is not free any more
        yield Finding("memory", host, "ok", f"{what}, with this workshop running")
    elif available < max(needs.memory, LEAST_MEMORY):
        wanted = f"; its containers may take {gib(needs.memory)}" if needs.memory > LEAST_MEMORY else ""
        yield Finding("memory", host, "problem" if available < LEAST_MEMORY else "warn", f"{what}{wanted}", remedy)
    else:
        yield Finding("memory", host, "ok", what)


def clock(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """The gateway's clock decides when keys begin and cease to work."""
    found = facts.clock
    surely = max(0.0, abs(found.ahead) - found.give_or_take)
    side = "ahead of" if found.ahead > 0 else "behind"
    what = f"{abs(found.ahead):.1f} s {side} this machine (give or take {max(0.1, found.give_or_take):.1f} s)"
    at_the_door = needs.is_front and needs.has_window
    if at_the_door and surely > FAR_OFF_AT_THE_DOOR:
        yield Finding("clock", host, "problem", f"{what}: keys open and close by it", SET_THE_CLOCK)
    elif surely > FAR_OFF:
        what += ": certificates and sessions fail over it"
        yield Finding("clock", host, "problem", what, SET_THE_CLOCK)
    elif surely > OFF:
        yield Finding("clock", host, "warn", what, SET_THE_CLOCK)
    else:
        yield Finding("clock", host, "ok", f"right to within {max(surely, found.give_or_take, 0.1):.1f} s")
