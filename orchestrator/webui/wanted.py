"""What Open WebUI should hold, as values; and the tally of what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import SecretStr

from orchestrator.identity.accounts import Account, Admin
from orchestrator.state.accounts import AccountRecord
from orchestrator.webui.library import Library
from orchestrator.webui.marks import Marks


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question to be sent by a click."""

    title: str
    subtitle: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Banner:
    """A line across the top of the page; `kind` is info, success, warning or error."""

    text: str
    title: str = ""
    kind: str = "info"
    dismissible: bool = True


@dataclass(frozen=True, slots=True)
class VisibleModel:
    """An entry of the model menu; `teams` may use it, None: everybody.

    A model of the gateway, or with `base` a preset of one, whose `parameters` it then adds. `tag` is how the menu
    filters it: the engine, or `preset`. `picture` is a data URL.
    """

    name: str
    tag: str
    teams: tuple[str, ...] | None = None
    title: str | None = None
    description: str | None = None
    picture: str | None = None
    base: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    suggestions: tuple[Suggestion, ...] = ()
    connection: str | None = None  # of this one, past the gateway
    filters: tuple[str, ...] = ()  # ids of functions that are for this entry and not for all
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """Python that runs in the server: `kind` is pipe, filter or action.

    `models`: the entries that it is for; none: all. `teams` see the models of a pipe; None: everybody.
    """

    id: str
    kind: str
    title: str
    description: str
    content: str
    valves: Mapping[str, Any] = field(default_factory=dict)  # a secret is a SecretStr
    models: tuple[str, ...] = ()
    teams: tuple[str, ...] | None = None

    @property
    def everywhere(self) -> bool:
        return not self.models


@dataclass(frozen=True, slots=True)
class ToolServer:
    """Tools that models may call: `kind` is openapi or mcp; `document` is where an OpenAPI server describes them."""

    name: str
    kind: str
    url: str
    document: str = "openapi.json"
    title: str = ""
    description: str = ""
    key: SecretStr | None = None
    teams: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """An endpoint that the server asks past the gateway: `kind` is openai or ollama.

    `models` are all that people see of it, as the provider calls them; none: what it lists. `teams` see them; None:
    everybody. `keeps_key`: the key is not known here, so the one that the server has stays.
    """

    name: str
    kind: str
    url: str  # without a slash at the end
    key: SecretStr | None = None
    keeps_key: bool = False
    prefix: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    enabled: bool = True
    headers: Mapping[str, str | SecretStr] = field(default_factory=dict)
    teams: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A model of the gateway that answers Ollama's own API, too; `teams` may use it, None: everybody."""

    name: str
    teams: tuple[str, ...] | None = None

    @property
    def listed(self) -> str:
        """As Ollama's list calls it."""
        return f"{self.name}:latest"


@dataclass(frozen=True, slots=True)
class Seed:
    """All of it. `gateway_url` is what the server's container calls, and ends in /v1."""

    title: str
    url: str  # Open WebUI's own, as participants type it
    admin: Admin
    gateway_url: str
    gateway_key: SecretStr
    models: tuple[VisibleModel, ...]  # as the menu lists them; a preset after its base
    people: tuple[Account, ...]
    chosen: tuple[str, ...] = ()  # the models of a new chat
    banners: tuple[Banner, ...] = ()
    suggestions: tuple[Suggestion, ...] | None = None  # of the empty page; None: left as they are
    functions: tuple[Function, ...] = ()
    library: Library | None = None  # None: no model makes embeddings
    tool_servers: tuple[ToolServer, ...] = ()
    connections: tuple[Connection, ...] = ()  # beside the gateway's
    names_the_asker: bool = True  # on the gateway's connection; False: the server has no way to do it there
    ollama: tuple[OllamaModel, ...] = ()
    own_knowledge: bool = False  # everybody may make collections of their own
    marks: Marks = field(default_factory=Marks)

    @property
    def served(self) -> tuple[VisibleModel, ...]:
        """The models that the gateway has: all but presets and what other connections give."""
        return tuple(model for model in self.models if model.base is None and model.connection is None)


class AccountStore(Protocol):
    """Where accounts are remembered; `put` is on the disk when it returns. Called from the seeding thread only."""

    def get(self, participant: str, /) -> AccountRecord | None: ...

    def put(self, participant: str, account: AccountRecord, /) -> None: ...


@dataclass(frozen=True, slots=True)
class SeedResult:
    """Counts of things: settings forms, the connection, groups, memberships, models, accounts, files."""

    created: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run would do; `how` is None for what is not there yet."""

    what: str
    how: str | None


@dataclass(slots=True)
class Tally:
    """Counts, and says each creation and change as it happens; never a secret."""

    report: Callable[[str], None]
    created: int = field(default=0, init=False)
    changed: int = field(default=0, init=False)
    unchanged: int = field(default=0, init=False)
    failures: list[str] = field(default_factory=list, init=False)  # a line each; all else is done

    def create(self, what: str) -> None:
        self.created += 1
        self.report(f"{what}: created")

    def change(self, what: str, how: str) -> None:
        self.changed += 1
        self.report(f"{what}: {how}")

    def fail(self, what: str, why: str) -> None:
        self.failures.append(f"{what}: {why}")

    def keep(self) -> None:
        self.unchanged += 1

    def result(self) -> SeedResult:
        return SeedResult(self.created, self.changed, self.unchanged)


@dataclass(slots=True)
class Foretold(Tally):
    """Of a run that only looks."""

    report: Callable[[str], None] = field(default=lambda _: None)
    foreseen: list[Foreseen] = field(default_factory=list, init=False)

    def create(self, what: str) -> None:
        self.foreseen.append(Foreseen(what, None))

    def change(self, what: str, how: str) -> None:
        self.foreseen.append(Foreseen(what, how))
