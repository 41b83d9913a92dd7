"""Which replica runs on which host and GPUs. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.spec.hosts import Host
from orchestrator.spec.models import Engine, Model


@dataclass(frozen=True, slots=True)
class Placed:
    model: Model
    replica: int  # from 1
    host: Host
    gpus: tuple[int, ...]
    share: float | None  # of each GPU's memory; None: the engine's own default


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A model for which no host has room, and why, host by host."""

    model: Model
    reason: str


@dataclass(slots=True)
class _Room:
    """What is still free on one host."""

    host: Host
    free: dict[int, float] = field(init=False)  # GPU -> fraction of its memory
    backends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = dict.fromkeys(range(self.host.gpus.count), 1.0)

    def need(self, model: Model) -> float:
        """The fraction of a GPU that one replica takes."""
        memory = self.host.gpus.memory_gib
        return model.memory_gib / memory if model.memory_gib and memory else 1.0

    def gpus_for(self, model: Model) -> tuple[int, ...] | None:
        """The GPUs for one more replica, fullest first, so that whole ones stay free; None when there is no room."""
        count = self.wanted(model)
        need = self.need(model)
        fitting = sorted((free, gpu) for gpu, free in self.free.items() if free >= need - 1e-9)
        return tuple(sorted(gpu for _, gpu in fitting[:count])) if len(fitting) >= count else None

    def wanted(self, model: Model) -> int:
        if model.gpus is None and model.engine is Engine.OLLAMA:
            return min(1, self.host.gpus.count)
        return model.gpus_wanted

    def lack(self, model: Model) -> str:
        memory = f" with {model.memory_gib:g} GiB free" if model.memory_gib else ""
        fitting = sum(free >= self.need(model) - 1e-9 for free in self.free.values())
        return f"{self.host.name} has {fitting} of {self.wanted(model)} GPUs{memory}"


def place(models: Sequence[Model], hosts: Sequence[Host]) -> tuple[tuple[Placed, ...], tuple[Unplaced, ...]]:
    """Give every replica a host and GPUs: the demanding ones first, replicas of one model spread over hosts."""
    rooms = [_Room(host) for host in hosts if "inference" in host.roles]
    placed: list[Placed] = []
    unplaced: list[Unplaced] = []
    wanted = [model for model in models if model.engine is not Engine.EXTERNAL]
    for model in sorted(wanted, key=lambda m: (m.host is None, -m.gpus_wanted, -(m.memory_gib or math.inf))):
        candidates = [room for room in rooms if model.host in {None, room.host.name}]
        for replica in range(1, model.replicas + 1):
            choice = _choose(model, candidates)
            if choice is None:
                lacks = "; ".join(room.lack(model) for room in candidates) or "no host has the role inference"
                unplaced.append(Unplaced(model, f"replica {replica} of {model.replicas} does not fit: {lacks}"))
                break
            room, gpus = choice
            need = room.need(model)
            for gpu in gpus:
                room.free[gpu] -= need
            room.backends.append(model.name)
            share = max(0.01, math.floor(need * 100) / 100) if gpus and need < 1 else None
            placed.append(Placed(model, replica, room.host, gpus, share))
    order = {model.name: index for index, model in enumerate(models)}
    return tuple(sorted(placed, key=lambda p: (order[p.model.name], p.replica))), tuple(unplaced)


def _choose(model: Model, rooms: Sequence[_Room]) -> tuple[_Room, tuple[int, ...]] | None:
    fitting = [(room, gpus) for room in rooms if (gpus := room.gpus_for(model)) is not None]
    # fewest replicas of this model, then the one with most free GPU memory, then fewest backends
    return min(
        fitting,
        key=lambda c: (c[0].backends.count(model.name), -sum(c[0].free.values()), len(c[0].backends)),
        default=None,
    )
