"""What was found on a host, and what a plan wants of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from orchestrator.ansible_process import AnsibleNeeds
from orchestrator.spec.hosts import Gpus

MIB_IN_GIB = 1024


@dataclass(frozen=True, slots=True)
class Basics:
    """Bytes; None: not told."""

    python: str
    system: str
    machine: str  # x86_64, aarch64, ...
    cores: int
    memory: int | None
    available: int | None
    proxies: tuple[str, ...] = ()

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        return cls(**{**answer, "proxies": tuple(answer["proxies"])})


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds: how far it is ahead of this machine's, and how well that could be measured."""

    ahead: float
    give_or_take: float


@dataclass(frozen=True, slots=True)
class Disk:
    path: str
    device: int | None
    free: int | None  # bytes; None: the folder can't be seen from where docker is called


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """`version` None: the engine does not answer, `said` is why; then nothing else is known."""

    version: str | None
    said: str = ""
    compose: str | None = None
    compose_said: str = ""
    runtimes: tuple[str, ...] = ()
    proxy: bool = False  # it goes to registries through one
    mirrors: tuple[str, ...] = ()
    images: Disk | None = None
    volumes: Disk | None = None
    published: Mapping[int, str] = field(default_factory=dict)  # port to the workshop, or container, that has it
    services: frozenset[str] = frozenset()  # of this workshop
    running: int = 0

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        if answer["version"] is None:
            return cls(version=None, said=answer["said"])
        return cls(
            version=answer["version"],
            compose=answer["compose"],
            compose_said=answer["compose_said"],
            runtimes=tuple(answer["runtimes"]),
            proxy=answer["proxy"],
            mirrors=tuple(answer["mirrors"]),
            images=Disk(**answer["disks"]["images"]),
            volumes=Disk(**answer["disks"]["volumes"]),
            published={int(port): holder for port, holder in answer["published"].items()},
            services=frozenset(answer["services"]),
            running=answer["running"],
        )


@dataclass(frozen=True, slots=True)
class Gpu:
    """Memory in GiB; None: the driver does not say."""

    name: str
    total: float | None
    free: float | None
    uuid: str = ""
    shared: bool = False  # that is the machine's own memory
    trouble: str | None = None  # why it can't be used
    device: str | None = None  # what Docker is asked for, where that is not its place


@dataclass(frozen=True, slots=True)
class GpuFacts:
    each: tuple[Gpu, ...] | None  # None: nvidia-smi told none, and `said` why
    driver: str | None = None
    toolkit: bool = False
    said: str = ""  # why it told none, or what it told beside them

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        each = answer["each"]
        gpus = (
            None
            if each is None
            else tuple(Gpu(**{**g, "total": _gib(g["total"]), "free": _gib(g["free"])}) for g in each)
        )
        return cls(gpus, answer["driver"], answer["toolkit"], answer["said"])

    def at(self, device: str) -> Gpu | None:
        """What Docker gives for that name."""
        named = ({gpu.device or str(place), gpu.uuid} for place, gpu in enumerate(self.each or ()))
        return next((gpu for gpu, names in zip(self.each or (), named, strict=True) if device in names), None)

    @property
    def by_cdi(self) -> bool:
        """Docker gives them without NVIDIA's runtime."""
        return any(gpu.device and "=" in gpu.device for gpu in self.each or ())

    @property
    def is_absent(self) -> bool:
        """There is no driver at all: not that it failed."""
        return self.each is None and self.said == "nvidia-smi is not installed"

    @property
    def declared(self) -> Gpus | None:
        """As the spec would say it; None: not known."""
        if self.each is None:
            return Gpus(count=0) if self.is_absent else None
        usable = [(place, gpu) for place, gpu in enumerate(self.each) if not gpu.trouble]
        memory = [math.floor(gpu.total * 10) / 10 for _, gpu in usable if gpu.total]
        kinds = {gpu.name for _, gpu in usable}
        devices = [gpu.device or str(place) for place, gpu in usable]
        return Gpus(
            count=len(usable),
            memory_gib=memory if memory and len(memory) == len(usable) else None,
            kind=kinds.pop() if len(kinds) == 1 else None,
            unified=any(gpu.shared for _, gpu in usable),
            devices=devices if devices != [str(place) for place in range(len(usable))] else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one host that answers."""

    basics: Basics
    clock: Clock
    engine: EngineFacts
    gpus: GpuFacts
    busy: frozenset[int] = frozenset()  # ports that somebody listens on
    present: Mapping[str, int] = field(default_factory=dict)  # images that are there, and their bytes
    reached: Mapping[str, str] = field(default_factory=dict)  # other host or address to a word
    paths: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # model to (level, what is wrong)
    copies: Mapping[str, str] = field(default_factory=dict)  # hub that need not be reached to where; "": this host


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes that something needs on a disk; None: not known."""

    what: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Seat:
    """A GPU that the plan uses, and how many GiB of it; None: not known."""

    index: int
    memory: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the plan wants of one host."""

    workshop: str
    become: bool = False
    bootstrap: bool = False  # provision may install what is missing
    is_front: bool = False
    has_window: bool = False
    gpus: Gpus | None = None  # as the spec declares them
    seats: tuple[Seat, ...] = ()
    ports: tuple[tuple[int, str], ...] = ()  # with the field of the spec
    images: tuple[Amount, ...] = ()  # all that run there, by reference
    weights: tuple[Amount, ...] = ()  # that are not there yet, by model
    paths: Mapping[str, str] = field(default_factory=dict)  # of weights that lie there: model to path
    memory: int = 0  # bytes that containers are limited to, as far as they are
    instances: int = 0  # Open WebUIs of participants' own
    peers: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # hosts to be reached: address and port
    registries: Mapping[str, str] = field(default_factory=dict)  # that have an image: name to URL
    hubs: Mapping[str, str] = field(default_factory=dict)  # that have weights
    same_machine: str | None = None  # the kind of processor that images are made for here
    python: AnsibleNeeds = field(default_factory=AnsibleNeeds)


def _gib(mib: int | None) -> float | None:
    return None if mib is None else mib / MIB_IN_GIB
