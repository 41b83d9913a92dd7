"""What Open WebUI should hold, as values; and the tally of what it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from orchestrator.state.accounts import AccountRecord


@dataclass(frozen=True, slots=True)
class Admin:
    """The first administrator, whom the server made itself at its first start."""

    email: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class VisibleModel:
    """A model of the gateway; `teams` may use it, None: everybody. `engine` becomes a tag in the model menu."""

    name: str
    engine: str
    teams: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A participant's account. `generation` is the password's; not `active`: access ends, chats stay."""

    id: str
    email: str
    name: str
    password: SecretStr
    team: str | None = None
    generation: int = 1
    active: bool = True


@dataclass(frozen=True, slots=True)
class Seed:
    """All of it. `gateway_url` is what the server's container calls, and ends in /v1."""

    title: str
    url: str  # Open WebUI's own, as participants type it
    admin: Admin
    gateway_url: str
    gateway_key: SecretStr
    models: tuple[VisibleModel, ...]
    people: tuple[Person, ...]


class AccountStore(Protocol):
    """Where accounts are remembered; `put` is on the disk when it returns. Called from the seeding thread only."""

    def get(self, participant: str, /) -> AccountRecord | None: ...

    def put(self, participant: str, account: AccountRecord, /) -> None: ...


@dataclass(frozen=True, slots=True)
class SeedResult:
    """Counts of things: settings forms, the connection, groups, memberships, models, accounts."""

    created: int
    changed: int
    unchanged: int


@dataclass(slots=True)
class Tally:
    """Counts, and says each creation and change as it happens; never a secret."""

    report: Callable[[str], None]
    created: int = field(default=0, init=False)
    changed: int = field(default=0, init=False)
    unchanged: int = field(default=0, init=False)

    def create(self, what: str) -> None:
        self.created += 1
        self.report(f"{what}: created")

    def change(self, what: str, how: str) -> None:
        self.changed += 1
        self.report(f"{what}: {how}")

    def keep(self) -> None:
        self.unchanged += 1

    def result(self) -> SeedResult:
        return SeedResult(self.created, self.changed, self.unchanged)
