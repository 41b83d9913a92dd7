"""Which replica runs on which host and GPUs: what runs stays, the demanding first, replicas spread. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import UNKNOWN, ModelSize
from orchestrator.plan.rooms import Claim, Room, Seat, sums
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.hosts import Gpus, Host
from orchestrator.spec.models import Model

LOOKS = 3000  # places tried before it is given up: some milliseconds for a small class, half a second for 50 hosts
ASSUMED = Capacity()
TOLD = 4  # hosts in one message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica is."""

    host: str
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    model: Model
    replica: int  # from 1
    host: Host
    gpus: tuple[int, ...]
    share: float | None  # of each GPU's memory; None: the engine's own default
    memory_gib: float | None = None  # of the smallest of its GPUs; None: not known


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A model for which no host has room, and why, host by host; `offers` would fit."""

    model: Model
    reason: str
    offers: tuple[str, ...] = ()
    placed: int = 0  # replicas of it that have a place


Replica = tuple[Claim, int]
Before = Mapping[tuple[str, int], Place]


@dataclass(frozen=True, slots=True)
class Placement:
    placed: tuple[Placed, ...]
    unplaced: tuple[Unplaced, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What placement goes by besides the spec. All of it may be absent."""

    sizes: Mapping[str, ModelSize] | None = None  # by model
    found: Mapping[str, Gpus] | None = None  # by host: GPUs that were found where the spec declares none
    assumed: Capacity = ASSUMED
    heads: int = 0  # people of the class


NOTHING = Facts()


def place(
    models: Sequence[Model],
    hosts: Sequence[Host],
    facts: Facts = NOTHING,
    before: Before | None = None,
) -> Placement:
    """Give every replica a host and GPUs. `before`, by model and replica, is where they are: they stay if they can.

    The first try takes the best place for each. Where that leaves one without, others are tried: what runs is moved
    only then, and only where all fit so.
    """
    wanted = [model for model in models if not model.is_external]
    search = _Search(wanted, hosts, facts, before or {})
    return search.result({model.name: index for index, model in enumerate(models)})


class _Search:
    def __init__(self, models: Sequence[Model], hosts: Sequence[Host], facts: Facts, before: Before) -> None:
        found = facts.found or {}
        self.before = before
        self.hosts = [host for host in hosts if "inference" in host.roles]
        self.found = found
        self.unsplit: list[Unplaced] = []
        self.claims: list[Claim] = []
        for model in models:
            self._add(model, facts)
        self.rooms = self._empty()

    def _add(self, model: Model, facts: Facts) -> None:
        size = (facts.sizes or {}).get(model.name, UNKNOWN)
        gpus = max(1, model.gpus_wanted)
        engine = engine_of(model)
        problem = engine.split_problem(size, gpus)
        if problem:
            self.unsplit.append(Unplaced(model, problem))
        else:
            self.claims.append(Claim.of(model, engine.need(model, size, gpus, facts.assumed, facts.heads)))

    def _empty(self) -> list[Room]:
        return [Room(host, self.found.get(host.name)) for host in self.hosts]

    def result(self, order: Mapping[str, int]) -> Placement:
        replicas = self._replicas()
        found, failed = self._first_try(replicas)
        if failed and self._may_fit():
            for tight in (False, True):
                self.rooms = self._empty()
                better = self._all(replicas, tight=tight)
                if better is not None:
                    found, failed = better, []
                    break
        placed = sorted(found, key=lambda p: (order[p.model.name], p.replica))
        unplaced = sorted([*self.unsplit, *failed], key=lambda lack: order[lack.model.name])
        return Placement(tuple(placed), tuple(unplaced))

    def _replicas(self) -> list[Replica]:
        """Those that can stay where they are first, then those that few hosts can take, then the large."""
        rank = {claim.model.name: self._rank(claim) for claim in self.claims}
        all_of = [(claim, number) for claim in self.claims for number in range(1, claim.model.replicas + 1)]
        all_of.sort(key=lambda r: rank[r[0].model.name])
        rooms = self._empty()
        staying: set[tuple[str, int]] = set()
        for claim, number in all_of:
            kept = self._kept(rooms, claim, number)
            if kept:
                kept[0].take(claim, kept[1])
                staying.add((claim.model.name, number))
        return sorted(all_of, key=lambda r: (r[0].model.name, r[1]) not in staying)  # stable

    def _kept(self, rooms: Sequence[Room], claim: Claim, number: int) -> tuple[Room, Seat] | None:
        """Its place before, where it can have that again."""
        place_ = self.before.get((claim.model.name, number))
        if place_ is None:
            return None
        room = next((r for r in rooms if r.host.name == place_.host and r.admits(claim.model)), None)
        seat = room.same_seat(claim, place_.gpus) if room else None
        return (room, seat) if room and seat else None

    def _rank(self, claim: Claim) -> tuple[float, ...]:
        possible = [room for room in self.rooms if room.admits(claim.model) and room.seat(claim)]
        return (len(possible), -claim.model.gpus_wanted, -(claim.least or math.inf))

    def _may_fit(self) -> bool:
        """Not where one model alone, or all GPUs taken together, are too much: no order helps there."""
        if self.unsplit:
            return False
        whole = sum(c.model.replicas * c.model.gpus_wanted for c in self.claims if not c.shares)
        if whole > sum(room.count for room in self.rooms):
            return False
        for claim in self.claims:
            self.rooms = self._empty()
            if self._first_try([(claim, n) for n in range(1, claim.model.replicas + 1)])[1]:
                return False
        return True

    def _first_try(self, replicas: Sequence[Replica]) -> tuple[list[Placed], list[Unplaced]]:
        placed: list[Placed] = []
        failed: dict[str, Unplaced] = {}
        for claim, number in replicas:
            name = claim.model.name
            if name in failed:
                continue
            choice = next(self._choices(claim, number, tight=False), None)
            if choice is None:
                here = sum(p.model.name == name for p in placed)
                failed[name] = Unplaced(claim.model, self._reason(claim, number), placed=here)
                continue
            placed.append(_seated(claim, number, *choice))
            choice[0].take(claim, choice[1])
        return placed, list(failed.values())

    def _all(self, replicas: Sequence[Replica], *, tight: bool) -> list[Placed] | None:
        """Depth first, with every place in turn; None where some have none, or it takes too long."""
        looks = 0
        open_choices: list[Iterator[tuple[Room, Seat]]] = []
        taken: list[tuple[Room, Seat]] = []
        while len(taken) < len(replicas):
            claim, number = replicas[len(taken)]
            if len(open_choices) == len(taken):
                open_choices.append(iter(list(self._choices(claim, number, tight=tight))))
            choice = next(open_choices[-1], None)
            looks += 1
            if choice is not None:
                choice[0].take(claim, choice[1])
                taken.append(choice)
                continue
            open_choices.pop()
            if not taken or looks > LOOKS:
                return None
            room, seat = taken.pop()
            room.take(replicas[len(taken)][0], seat, -1)
        return [_seated(claim, number, *choice) for (claim, number), choice in zip(replicas, taken, strict=True)]

    def _choices(self, claim: Claim, number: int, *, tight: bool) -> Iterator[tuple[Room, Seat]]:
        """Where it is now; then the host with fewest replicas of its model, most free GPUs, fewest backends.

        `tight`: the host with least free first, so that large replicas find room later.
        """
        admitted = [room for room in self.rooms if room.admits(claim.model)]
        name = claim.model.name
        kept = self._kept(self.rooms, claim, number)
        if kept:
            yield kept
        fitting = [(room, seat) for room in admitted if (seat := room.seat(claim)) is not None]
        sign = 1 if tight else -1
        fitting.sort(key=lambda c: (0 if tight else c[0].backends[name], sign * sum(c[0].free), c[0].backends.total()))
        yield from fitting

    def _reason(self, claim: Claim, number: int) -> str:
        model = claim.model
        admitted = [room for room in self.rooms if room.admits(model)]
        lacks = [room.lack(claim) for room in admitted]
        nobody = "no host has the labels" if self.rooms else "no host has the role inference"
        text = "; ".join(lacks[:TOLD]) or nobody
        text += f"; and {len(lacks) - TOLD} more hosts" if len(lacks) > TOLD else ""
        explained = f" ({sums(claim)})" if sums(claim) else ""
        return f"replica {number} of {model.replicas} does not fit: {text}{explained}"


def _seated(claim: Claim, number: int, room: Room, seat: Seat) -> Placed:
    known = [memory for gpu in seat.gpus if (memory := room.memory[gpu]) is not None]
    shared = seat.gpus and seat.fraction < 1
    share = max(0.01, math.floor(seat.fraction * 100 + 1e-6) / 100) if shared else None
    return Placed(claim.model, number, room.host, seat.gpus, share, min(known) if known else None)
