"""Whether the gateway's host has memory for an Open WebUI each, where that is known."""

from __future__ import annotations

import os
from collections.abc import Iterator

from orchestrator.engines.size import MIB, gib
from orchestrator.plan.deployment import Deployment, Stack
from orchestrator.plan.instance_memory import memory_of, room_for, shortage


def instance_notes(deployment: Deployment, *, short_only: bool = False) -> tuple[str, ...]:
    """How many the host takes, and what to do where they don't fit; with `short_only`, nothing where they do."""
    return tuple(line for stack in deployment.stacks if stack.running for line in _notes(stack, short_only=short_only))


def _notes(stack: Stack, *, short_only: bool) -> Iterator[str]:
    wanted, host = len(stack.running), stack.host
    told = f"{wanted} {'Open WebUI takes' if wanted == 1 else 'Open WebUIs take'} about {gib(memory_of(wanted))}"
    if not host.is_local:
        if not short_only:
            yield f"{told}; how many {host.name} can take is not known here: workshop preflight asks it"
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    others = sum((backend.container.memory_mib or 0) * MIB for backend in stack.backends)
    if short := shortage(wanted, memory, others=others):
        yield short
    elif not short_only:
        yield f"{told}; {host.name} has memory for {room_for(memory, others=others)}"
