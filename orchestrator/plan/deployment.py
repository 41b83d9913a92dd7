"""What runs where, as values: stacks of containers on hosts."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engines.capacity import Serves
from orchestrator.engines.container import Container, Fetch
from orchestrator.engines.host_memory import NOT_KNOWN, HostMemory
from orchestrator.engines.parsers import Parsers
from orchestrator.engines.size import MIB
from orchestrator.identity.pages import OwnPage
from orchestrator.plan.edges import EDGE_SERVICE, Edge
from orchestrator.plan.gateway import Page, Server
from orchestrator.spec.components import GATEWAY, WEBUI, Component
from orchestrator.spec.hosts import Host

GATEWAY_SERVICE = "gateway"
WEBUI_SERVICE = "webui"
WEBUI_CONTAINER_PORT = 8080


@dataclass(frozen=True, slots=True)
class Backend:
    """One running replica of a model."""

    service: str  # the Compose service, and its name on the engines network
    model: str
    engine: str  # as the spec asks
    replica: int  # from 1
    host: str
    container: Container
    gpus: tuple[int, ...] = ()  # of that host, from 0
    devices: tuple[str, ...] = ()  # what Docker is asked for to get them
    fetch: Fetch | None = None
    served_name: str = ""  # the model's name there
    stand_in: str | None = None  # why another engine runs in its place, in words
    left_out: tuple[str, ...] = ()  # of the model's args, in practice mode
    memory_gib: float | None = None  # of each of its GPUs, that it may take
    host_memory: HostMemory = NOT_KNOWN  # of the host's own
    serves: Serves | None = None  # chats at once, as reckoned beforehand
    embeds: bool = False  # it makes embeddings, and is asked for one
    parsers: Parsers | None = None  # of calls of tools and of reasoning; None: the engine needs none
    edge: Edge | None = None  # through which the gateway reaches it; None: it runs on the gateway's own host

    @property
    def holds(self) -> float | None:
        """Bytes of the host's memory, once it is up; None: not known."""
        limit = self.container.memory_mib
        return self.host_memory.holds if self.host_memory.most or limit is None else limit * MIB

    @property
    def server(self) -> Server:
        """How the gateway asks it."""
        health = self.container.ready
        if self.edge is None:
            return Server(self.service, self.container.port, name=self.service, health=health)
        return Server(
            self.edge.address,
            self.edge.port,
            name=self.service,
            health=health,
            tls=True,
            host_header=self.edge.name_of(self.service),
            edge=True,
        )


@dataclass(frozen=True, slots=True)
class Instance:
    """An Open WebUI of one participant's own, or of a team's, and how it is reached."""

    own: OwnPage
    page: Page
    port: int  # of the gateway's host
    subnet: str
    label: str | None = None  # before the domain, in its name; None: it has its port alone

    @property
    def service(self) -> str:
        """The Compose service; its network has the same name."""
        return self.own.service

    @property
    def runs(self) -> bool:
        return bool(self.own.members)


@dataclass(frozen=True, slots=True)
class Stack:
    """One Compose project: what runs on one host."""

    host: Host
    project: str
    backends: tuple[Backend, ...] = ()
    gateway: bool = False
    webui: bool = False  # the one for everybody
    has_instances: bool = False  # one for each instead: which, is known once the people are
    instances: tuple[Instance, ...] = ()

    @property
    def running(self) -> tuple[Instance, ...]:
        return tuple(instance for instance in self.instances if instance.runs)

    @property
    def edge(self) -> bool:
        """Whether its engines are reached from another host."""
        return bool(self.backends) and not self.gateway

    @property
    def nginx(self) -> str | None:
        """Its service that is reloaded rather than recreated; its files lie in a folder of that name."""
        return GATEWAY_SERVICE if self.gateway else EDGE_SERVICE if self.edge else None

    @property
    def services(self) -> tuple[str, ...]:
        own = ((GATEWAY_SERVICE, self.gateway), (EDGE_SERVICE, self.edge), (WEBUI_SERVICE, self.webui))
        instances = (instance.service for instance in self.running)
        return (*(name for name, here in own if here), *instances, *(backend.service for backend in self.backends))

    @property
    def networks(self) -> tuple[str, ...]:
        """Of its host, by their whole names."""
        own = ("front", "engines", *(instance.service for instance in self.instances))
        return tuple(f"{self.project}_{name}" for name in own)

    @property
    def components(self) -> frozenset[Component]:
        """The images that this host needs."""
        needed = {backend.container.component for backend in self.backends}
        needed |= {backend.fetch.component for backend in self.backends if backend.fetch}
        own = ((GATEWAY, self.gateway or self.edge), (WEBUI, self.webui or self.has_instances))
        return frozenset(needed | {component for component, here in own if here})


@dataclass(frozen=True, slots=True)
class Deployment:
    """All stacks of a workshop, and what its plan says in words."""

    stacks: tuple[Stack, ...]
    notes: tuple[str, ...] = ()

    @property
    def backends(self) -> tuple[Backend, ...]:
        return tuple(backend for stack in self.stacks for backend in stack.backends)

    @property
    def components(self) -> frozenset[Component]:
        return frozenset().union(*(stack.components for stack in self.stacks))

    @property
    def native(self) -> frozenset[str]:
        """The models whose every backend speaks Ollama's own API."""
        every = {backend.model for backend in self.backends}
        other = {backend.model for backend in self.backends if not backend.container.native}
        return frozenset(every - other)

    def backends_of(self, model: str) -> tuple[Backend, ...]:
        return tuple(backend for backend in self.backends if backend.model == model)


def project_name(workshop: str) -> str:
    """The Compose project of a workshop, the same on every host."""
    return f"workshop-{workshop}"
