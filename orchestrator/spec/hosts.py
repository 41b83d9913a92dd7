"""The machines of a workshop, and how they are reached."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from orchestrator.spec.section import Problem, Section, duplicates, refuse
from orchestrator.spec.values import DnsLabel, HostName, Line, Port, RelativePath, UserName

Role = Literal["gateway", "webui", "inference"]
ALL_ROLES: tuple[Role, ...] = ("gateway", "webui", "inference")
LOCAL = "localhost"

Fingerprint = Annotated[str, StringConstraints(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
JumpHost = Annotated[
    str,
    StringConstraints(
        pattern=r"^([A-Za-z_][A-Za-z0-9_.-]{0,31}@)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?(:[0-9]{1,5})?$"
    ),
]
Gibibytes = Annotated[float, Field(gt=0, strict=False)]
Memory = Annotated[  # one of the two by what stands there, so that a mistake is told once
    Annotated[Gibibytes, Tag("one")] | Annotated[list[Gibibytes], Tag("each")],
    Discriminator(lambda value: "each" if isinstance(value, list) else "one"),
]
Device = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,127}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,38}[A-Za-z0-9])?$")]


class Gpus(Section):
    """The GPUs of a host."""

    count: Annotated[int, Field(ge=0, le=64)]
    memory_gib: Memory | None = None
    """Memory of each, in GiB; a list where they differ, in the order of nvidia-smi."""
    kind: Line | None = None
    """As nvidia-smi names it, like NVIDIA L4."""
    devices: list[Device] | None = None
    """What Docker is asked for in place of 0, 1, ...: uuids of GPUs or MIG slices, or names like nvidia.com/gpu=0."""

    unified: bool = False
    """Their memory is the machine's own (GB10, Jetson)."""

    @property
    def each(self) -> tuple[float | None, ...]:
        """The memory of every GPU in GiB; None: not known."""
        memory = self.memory_gib
        return tuple(memory) if isinstance(memory, list) else (memory,) * self.count

    @model_validator(mode="after")
    def _one_of_a_list_for_each(self) -> Self:
        refuse(
            Problem((name,), f"{len(given)} values for {self.count} GPUs")
            for name, given in (("memory_gib", self.memory_gib), ("devices", self.devices))
            if isinstance(given, list) and len(given) != self.count
        )
        for name, number in duplicates(self.devices or ()):
            refuse([Problem(("devices", number), f"{name} stands here twice")])
        return self

    def device(self, gpu: int) -> str:
        """What Docker is asked for to get this one, from 0."""
        return self.devices[gpu] if self.devices else str(gpu)

    def is_slice(self, gpu: int) -> bool:
        """Of a GPU that MIG has cut."""
        return "MIG-" in self.device(gpu)


class Host(Section):
    """A machine with Docker: this one (`address: localhost`), or one that is reached over SSH."""

    name: DnsLabel
    address: HostName = LOCAL
    user: UserName | None = None
    """SSH user; absent: what ssh itself would take."""
    port: Port = 22
    """SSH port."""
    key: RelativePath | None = None
    """Private SSH key file; absent: the agent's keys and ssh's usual files."""
    jump: JumpHost | None = None
    """A host to go through: USER@ADDRESS:PORT, as `ssh -J`."""
    host_key: Fingerprint | None = None
    """Fingerprint of the host's key, as `ssh-keygen -lf` prints it; absent: known_hosts must know the host."""
    become: bool = False
    """Use sudo there, without a password: for an SSH user who may not talk to Docker."""
    bootstrap: bool = False
    """`provision` may install what is missing, as root: Python, Docker with Compose, NVIDIA's container toolkit."""
    private: HostName | None = None
    """Address at which the workshop's other hosts reach it; absent: `address`."""
    edge_port: Port = 7443
    """Port at which the gateway of another host asks this one's engines, over TLS; nobody else is answered there."""
    labels: list[Label] = []
    """Names that models can ask for."""
    roles: Annotated[list[Role], Field(min_length=1)] = list(ALL_ROLES)
    gpus: Gpus | None = None

    @model_validator(mode="after")
    def _bootstraps_others_only(self) -> Self:
        if self.bootstrap and self.is_local:
            refuse([Problem(("bootstrap",), "for hosts over SSH only: here, `make provision` installs Docker")])
        return self

    @property
    def is_local(self) -> bool:
        return self.address == LOCAL

    @property
    def is_behind_edge(self) -> bool:
        """Engines run here, and the gateway elsewhere."""
        return "inference" in self.roles and "gateway" not in self.roles
