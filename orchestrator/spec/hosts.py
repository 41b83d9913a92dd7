"""The machines of a workshop, and how they are reached."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.spec.section import Section
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
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,38}[A-Za-z0-9])?$")]


class Gpus(Section):
    """The GPUs of a host, all of one kind."""

    count: Annotated[int, Field(ge=0, le=64)]
    memory_gib: Annotated[float, Field(gt=0, strict=False)] | None = None
    """Memory of each, in GiB."""
    kind: Line | None = None
    """As nvidia-smi names it, like NVIDIA L4."""


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
    private: HostName | None = None
    """Address at which the workshop's other hosts reach it; absent: `address`."""
    labels: list[Label] = []
    """Names that models can ask for."""
    roles: Annotated[list[Role], Field(min_length=1)] = list(ALL_ROLES)
    gpus: Gpus = Gpus(count=0)

    @property
    def is_local(self) -> bool:
        return self.address == LOCAL
