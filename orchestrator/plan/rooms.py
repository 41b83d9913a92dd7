"""What is free on the GPUs of a host, and which of them a replica could have. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from orchestrator.engines.capacity import Need, in_words
from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import GIB
from orchestrator.spec.hosts import Gpus, Host
from orchestrator.spec.models import Model

SLACK = 1e-9  # of a fraction
NO_GPUS = Gpus(count=0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one replica of a model asks for on every host."""

    model: Model
    needs: Need
    least: float | None  # GiB that each GPU must have; None: any will do

    @classmethod
    def of(cls, model: Model, needs: Need) -> Claim:
        """`memory_gib` is the instructor's own word; else a whole GPU with room for what is needed."""
        if model.memory_gib:
            return cls(model, needs, model.memory_gib)
        total = needs.total
        return cls(model, needs, None if total is None else total / GIB / engine_of(model).takes(model, None))

    @property
    def shares(self) -> bool:
        return self.model.memory_gib is not None

    def fraction(self, memory: float | None) -> float:
        """Of a GPU with so many GiB."""
        return self.least / memory if self.shares and self.least and memory else 1.0

    def wanted(self, count: int) -> int:
        """GPUs of one replica on a host with `count`."""
        return engine_of(self.model).gpus(self.model, count)

    def fits(self, memory: float | None) -> bool:
        """Whether a GPU of that size, empty, is enough."""
        return memory is None or self.least is None or self.least <= memory * (1 + SLACK)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a replica sits: GPUs of a host, and the fraction that it takes of each."""

    gpus: tuple[int, ...]
    fraction: float


class Room:
    """One host while replicas are given their places. GPUs may differ: the smallest of a replica's counts for all."""

    def __init__(self, host: Host, found: Gpus | None) -> None:
        self.host = host
        self.looked = host.gpus is not None or found is not None
        self.gpus = host.gpus or found or NO_GPUS
        self.memory = self.gpus.each
        self.free = [1.0] * len(self.memory)
        self.backends: Counter[str] = Counter()
        self._seats: dict[str, Seat | None] = {}

    @property
    def count(self) -> int:
        return len(self.memory)

    def admits(self, model: Model) -> bool:
        """Whether the spec lets it go there at all."""
        return model.host in {None, self.host.name} and set(model.labels) <= set(self.host.labels)

    def seat(self, claim: Claim) -> Seat | None:
        """For one more replica: GPUs of one size before mixed ones, small before large, fullest first."""
        name = claim.model.name
        if name not in self._seats:
            self._seats[name] = self._find(claim)
        return self._seats[name]

    def same_seat(self, claim: Claim, gpus: tuple[int, ...]) -> Seat | None:
        """These very GPUs again, where they still have room."""
        if len(gpus) != claim.wanted(self.count) or any(gpu >= self.count for gpu in gpus):
            return None
        if not all(self._fits(claim, gpu) for gpu in gpus):
            return None
        fraction = claim.fraction(_smallest([self.memory[gpu] for gpu in gpus]))
        return Seat(gpus, fraction) if all(self.free[gpu] >= fraction - SLACK for gpu in gpus) else None

    def take(self, claim: Claim, seat: Seat, sign: int = 1) -> None:
        """With `sign` -1: give it back."""
        for gpu in seat.gpus:
            self.free[gpu] -= sign * seat.fraction
        self.backends[claim.model.name] += sign
        self._seats.clear()

    def _find(self, claim: Claim) -> Seat | None:
        count = claim.wanted(self.count)
        if not count:
            return Seat((), 1.0)
        fitting = [gpu for gpu in range(self.count) if self._fits(claim, gpu)]
        sizes = sorted({self.memory[gpu] for gpu in fitting}, key=lambda size: size or math.inf)
        for mixed in (False, True):
            for size in sizes:
                fraction = claim.fraction(size)
                pool = sorted(
                    (self.memory[gpu] or math.inf, self.free[gpu], gpu)
                    for gpu in fitting
                    if self.free[gpu] >= fraction - SLACK
                    and (self.memory[gpu] == size or (mixed and (self.memory[gpu] or math.inf) >= (size or math.inf)))
                )
                if len(pool) >= count:
                    return Seat(tuple(sorted(gpu for _, _, gpu in pool[:count])), fraction)
        return None

    def _fits(self, claim: Claim, gpu: int) -> bool:
        """CUDA shows a program one slice at most."""
        return claim.fits(self.memory[gpu]) and (claim.wanted(self.count) == 1 or not self.gpus.is_slice(gpu))

    def lack(self, claim: Claim) -> str:
        """What is missing here, in words."""
        wanted = claim.wanted(self.count)
        free = sum(
            self._fits(claim, gpu) and self.free[gpu] >= claim.fraction(memory) - SLACK
            for gpu, memory in enumerate(self.memory)
        )
        text = f"{self.host.name} has {free} of {wanted} GPUs"
        if wanted > 1 and any(map(self.gpus.is_slice, range(self.count))):
            return f"{text} (a model can't be split over slices of a GPU)"
        if not self.looked:
            return f"{text} (none are declared, and none were looked for)"
        if claim.least is None:
            return text
        text += f" with {claim.least:.3g} GiB free"
        most = sorted((m * f for m, f in zip(self.memory, self.free, strict=True) if m), reverse=True)
        if len(most) < wanted or len(most) < self.count:
            return text
        short = claim.least - most[wanted - 1]
        return f"{text} ({short:.3g} GiB short)" if short > SLACK else text


def sums(claim: Claim) -> str:
    """Where the figure of a claim comes from; empty where the instructor gave it."""
    if claim.shares or claim.least is None:
        return ""
    share = engine_of(claim.model).takes(claim.model, None)
    of = f", of which the engine takes {share:.0%}" if share < 1 else ""
    return f"each of its GPUs needs {claim.least:.3g} GiB{of}: {in_words(claim.needs)}"


def _smallest(sizes: list[float | None]) -> float | None:
    known = [size for size in sizes if size is not None]
    return min(known) if known else None
