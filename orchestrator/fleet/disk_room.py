"""Whether a host has room for what a class writes there: asked before files are put, and by those who only look."""

from __future__ import annotations

from orchestrator.errors import HostError, Where
from orchestrator.fleet.images.meter import size_text
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import disk

LEAST = 16 << 20  # bytes: logs of containers, and what they write aside


def require_room(machine: Machine, needed: int = 0) -> None:
    """For `needed` bytes more, on every disk that counts. Raises HostError `disk_full`: with the path, and how much."""
    found: dict[str, int] = machine.channel.call(disk.room, {"folder": str(machine.folder)})
    for path, free in found.items():
        if free < needed + LEAST:
            lacking = size_text(needed + LEAST - free)
            message = f"the disk is full: {path} has {size_text(free)} free, {lacking} are missing"
            hint = "Make room there (docker system df shows what Docker holds), then provision goes on"
            raise HostError("disk_full", message, where=Where(host=machine.name), hint=hint)
