"""How many Open WebUIs of participants' own the memory of a host holds. Pure."""

from __future__ import annotations

from orchestrator.engines.size import GIB, MIB, gib

IDLE_MIB = 320  # measured: 0.12.4 as packaged, seeded, after first questions; its cgroup uses 317 MiB, 301 anonymous
EACH_MIB = 512  # what is planned for: files that are read and searched take their memory beside it
RESERVE = 2 * GIB  # the system, Docker, the gateway


def memory_of(instances: int) -> int:
    """Bytes that so many take while people use them."""
    return instances * EACH_MIB * MIB


def room_for(memory: int, *, others: int = 0) -> int:
    """How many fit into so many bytes beside what `others` take."""
    return max(0, (memory - RESERVE - others) // (EACH_MIB * MIB))


def shortage(wanted: int, memory: int, *, others: int = 0) -> str | None:
    """In words, where they don't fit."""
    if not wanted or wanted <= (fits := room_for(memory, others=others)):
        return None
    return (
        f"{wanted} Open WebUIs of their own take about {gib(memory_of(wanted))}, and {gib(memory)} of memory hold"
        f" {fits}: share some by webui.mode: per_team, or have one for all by mode: shared"
    )
