"""All that `verify` must know of the workshop that it asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from orchestrator.fleet.docker_host import DockerHost
from orchestrator.identity.credentials import Credentials
from orchestrator.identity.participant import Participant
from orchestrator.plan.gateway import Server, Window
from orchestrator.spec import teams


@dataclass(frozen=True, slots=True)
class Verifier:
    """One of the reserved participants that ask on behalf of `verify`."""

    participant: Participant
    key: SecretStr
    models: tuple[str, ...]  # exactly what it must see
    webui_email: str
    webui_password: SecretStr | None
    webui_api_key: SecretStr | None
    presets: tuple[str, ...] = ()  # what it must see in Open WebUI besides
    tools: tuple[str, ...] = ()  # ids of tool servers that it must find there
    provided: tuple[str, ...] = ()  # models of connections past the gateway that it must see there
    ollama: tuple[str, ...] = ()  # those of them that answer on Ollama's routes there

    @property
    def label(self) -> str:
        return f"team {self.participant.team}" if self.participant.team else "everybody"


@dataclass(frozen=True, slots=True)
class ModelUnderTest:
    name: str
    engine: str
    ollama: bool  # served on /ollama/api/* too
    teams: tuple[str, ...] | None = None  # None: for everybody
    embeds: bool = False  # not in Open WebUI's menu
    tools: bool = False  # it says that it takes a chat with tools
    routes: tuple[str, ...] | None = ()  # that take a chat too; None: a provider's, which says nothing of tools either


@dataclass(frozen=True, slots=True)
class CollectionUnderTest:
    """Knowledge; `files` are names with the SHA-256 of what must be in them, None: it can't be read."""

    name: str
    teams: tuple[str, ...] | None
    files: tuple[tuple[str, str | None], ...]

    def open_to(self, team: str | None) -> bool:
        return teams.are_open(self.teams, team)


@dataclass(frozen=True, slots=True)
class InstanceUnderTest:
    """An Open WebUI of a participant's or team's own, on the gateway's host."""

    service: str
    url: str
    container: str  # name or id
    accounts: tuple[Credentials, ...]  # of those who are active
    entries: tuple[str, ...] | None  # what its menu must have of the workshop's; None: it was left bare
    question: str | None = None  # a model that is to be asked there
    knowledge: tuple[CollectionUnderTest, ...] = ()  # that must be there, and none of the workshop's besides
    near: str | None = None  # where it is asked for by its name, because that leads nowhere from here


@dataclass(frozen=True, slots=True)
class EngineUnderTest:
    """An engine's container, on the host of `Subject.docker` unless another one is given."""

    service: str  # its name on the engines network
    port: int  # inside the container
    container: str  # name or id
    docker: DockerHost | None = None  # of another host, from which it is reached through an edge only


@dataclass(frozen=True, slots=True)
class EdgeUnderTest:
    """The edge of another host than the gateway's."""

    host: str
    container: str  # name or id there
    docker: DockerHost
    server: Server  # one of the backends behind it, as the gateway asks it


@dataclass(frozen=True, slots=True)
class Subject:
    """`api` and `webui` are URLs without a path, as participants use them."""

    api: str
    webui: str | None
    models: tuple[ModelUnderTest, ...]
    verifiers: tuple[Verifier, ...]  # the first without a team, then one for each team
    removed: SecretStr  # a removed participant's key; if nobody was removed, one derived like any other for nobody
    now: float  # epoch seconds
    window: Window
    ordinary: tuple[str, SecretStr] | None = None  # an ordinary participant's id and key
    hidden: tuple[str, ...] = ()  # models that nobody may name
    functions: tuple[str, ...] = ()  # ids of Open WebUI's; a model of theirs begins with one
    provided: tuple[str, ...] = ()  # models of connections, or the prefix of all of one: some may see them
    knowledge: tuple[CollectionUnderTest, ...] = ()
    own_knowledge: bool = False  # participants may make collections of their own
    page_prefix: str | None = None  # before names in the menu of an Open WebUI that belongs to others; None: it is ours
    mark: str = "workshop"  # of its files in Open WebUI
    tls_certificate: Path | None = None  # trusted beside the system's authorities
    docker: DockerHost | None = None  # the host of gateway and Open WebUI; None: nothing is asked from inside
    gateway_container: str | None = None
    webui_container: str | None = None
    engines: tuple[EngineUnderTest, ...] = ()
    edges: tuple[EdgeUnderTest, ...] = ()
    instances: tuple[InstanceUnderTest, ...] = ()

    @property
    def on_page(self) -> Subject:
        """The same by the names that Open WebUI's menu has."""
        prefix = self.page_prefix or ""

        def named(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(f"{prefix}{name}" for name in names)

        models = tuple(replace(model, name=f"{prefix}{model.name}") for model in self.models)
        verifiers = tuple(replace(one, models=named(one.models), presets=named(one.presets)) for one in self.verifiers)
        return replace(self, models=models, verifiers=verifiers)

    def secrets(self) -> tuple[SecretStr, ...]:
        """Every secret in here."""
        held = [self.removed, *([self.ordinary[1]] if self.ordinary else [])]
        for verifier in self.verifiers:
            held += [verifier.key, *filter(None, (verifier.webui_password, verifier.webui_api_key))]
        for account in (account for instance in self.instances for account in instance.accounts):
            held += filter(None, (account.webui_password, account.webui_api_key))
        return tuple(held)
