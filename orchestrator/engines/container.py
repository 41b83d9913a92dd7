"""How an engine is started, and how its weights come to a host, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.spec.components import Component
from orchestrator.spec.values import SecretReference

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"  # OpenAI's newer way to ask for a chat, and Anthropic's


@dataclass(frozen=True, slots=True)
class Container:
    """How one engine is started. Paths are those inside the container; hosts of volumes are volume names."""

    component: Component
    port: int
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    secret_environment: dict[str, SecretReference] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()  # the image's own, needed only to run it with secrets
    health: tuple[str, ...] = ()  # argv of the health check
    ready: str = "/health"  # the path that answers 200 without a model being asked
    metrics: bool = True  # it tells how full it is, at /metrics
    tells_cache: bool = False  # and what its KV cache holds, as `reported.from_metrics` reads it
    tools: bool = True  # it takes a chat with tools, or says that the model does not
    routes: tuple[str, ...] = ()  # on which it takes a chat too, besides OpenAI's /v1/chat/completions
    native: bool = False  # it speaks Ollama's own API too
    volumes: tuple[tuple[str, str], ...] = ()  # (volume, path): weights, kept by teardown --keep-weights
    files: tuple[tuple[str, str], ...] = ()  # (file or folder in the stack's own folder, path): read-only
    shm_gib: int | None = None
    memory_mib: int | None = None  # hard limit
    start_seconds: int = 120  # until it must be healthy


@dataclass(frozen=True, slots=True)
class Fetch:
    """A container that runs once, and leaves weights in a volume (with the network) or in the running engine."""

    component: Component
    command: tuple[str, ...]
    volumes: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    secret_environment: dict[str, SecretReference] = field(default_factory=dict)
    after_start: bool = False  # asks the running engine, on its network, instead of preparing a volume
    key: str = ""  # the same for the same files in the same volume
    tree: str = ""  # a file or folder in the volume that holds them all; empty: they can't be copied alone
    known_as: str = ""  # the tree's name in a folder of such files, where it is another there
    plain: bool = True  # what is in the tree can be taken from a cache of Hugging Face, or a folder of GGUF files
    seconds: int = 0  # that it may take

    @property
    def volume(self) -> str:
        """The one that it fills."""
        return self.volumes[0][0]

    @property
    def place(self) -> tuple[str, str]:
        """Volume and key: fetches that agree in it leave the same files."""
        return self.volume, self.key


@dataclass(frozen=True, slots=True)
class Served:
    """How a model is served by an engine."""

    container: Container
    name: str  # the model's, at that engine
    fetch: Fetch | None = None  # None: its weights lie on the host
