"""A workshop's state as the workflows see it: one database, and small repositories over it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import UserError, Where
from orchestrator.state.accounts import Accounts
from orchestrator.state.changes import Changes
from orchestrator.state.clock import utc_now
from orchestrator.state.connections import Connections
from orchestrator.state.database import Database
from orchestrator.state.deployed import Deployed
from orchestrator.state.drained import Drained
from orchestrator.state.events import Events
from orchestrator.state.folder import StateFolder
from orchestrator.state.found_gpus import FoundGpus
from orchestrator.state.kept_spec import AppliedSpec
from orchestrator.state.migrations import MIGRATIONS
from orchestrator.state.people import People
from orchestrator.state.placements import Placements
from orchestrator.state.secret import ensure_secret, load_secret

FORMAT = len(MIGRATIONS)


@dataclass(frozen=True, slots=True)
class Meta:
    """Times are ISO 8601 in UTC."""

    name: str
    deployment_id: str  # random, here and on each host
    spec_path: Path  # absolute; the spec may have changed or gone since
    created: str
    provisioned: str | None  # the last time it was brought to its end
    format: int  # of the database


class State:
    """Open one with `State.open` under the lock, or `State.read` without; a context manager that closes it."""

    def __init__(self, folder: StateFolder, database: Database, secret: bytes | None, now: Callable[[], str]) -> None:
        self.folder = folder
        self.people = People(database)
        self.drained = Drained(database)
        self.accounts = Accounts(database)
        self.connections = Connections(database, folder.provider_keys)
        self.deployed = Deployed(database, now)
        self.gpus = FoundGpus(database, now)
        self.placements = Placements(database)
        self.events = Events(database, now)
        self.changes = Changes(database, now)
        self.spec = AppliedSpec(database)
        self._database = database
        self._secret = secret
        self._now = now

    @classmethod
    def open(cls, folder: StateFolder, now: Callable[[], str] | None = None) -> State:
        """For writing; makes what is missing. Raises UserError for all that the disk or the files refuse."""
        folder.create()
        secret = ensure_secret(folder)  # first: a database without a secret means that one was lost
        return cls(folder, Database.open(folder.database), secret, now or utc_now)

    @classmethod
    def read(cls, folder: StateFolder) -> State:
        """A snapshot for commands that only look: creates nothing, takes no lock; empty where no workshop was begun."""
        secret = load_secret(folder) if folder.has_state else None
        return cls(folder, Database.snapshot(folder.database), secret, utc_now)

    @property
    def secret(self) -> bytes:
        """What keys and passwords are derived from; raises UserError `not_provisioned` where none was made yet."""
        if self._secret is None:
            raise UserError(
                "not_provisioned",
                "this workshop was not provisioned yet",
                where=Where(file=self.folder.path),
                hint="Run `provision SPEC` first.",
            )
        return self._secret

    @property
    def meta(self) -> Meta | None:
        """None before `begin`."""
        row = self._database.row("SELECT * FROM workshop")
        if row is None:
            return None
        path = Path(row["spec_path"])
        return Meta(row["name"], row["deployment_id"], path, row["created"], row["provisioned"], FORMAT)

    def begin(self, name: str, spec_path: Path) -> Meta:
        """Gives the workshop its id once; each time after that only notes where the spec lies now."""
        self._database.write(
            "INSERT INTO workshop VALUES (1, ?, ?, ?, ?, NULL)"
            " ON CONFLICT (only) DO UPDATE SET spec_path = excluded.spec_path",
            (name, secrets.token_hex(16), str(spec_path.absolute()), self._now()),
        )
        meta = self.meta
        assert meta is not None  # noqa: S101 - written in the line above
        return meta

    def mark_provisioned(self) -> None:
        """Everything that the spec asks for was applied."""
        self._database.write("UPDATE workshop SET provisioned = ?", (self._now(),))

    def transaction(self) -> AbstractContextManager[None]:
        """Several writes as one: all or nothing. Other threads wait for its end, so never wait for them inside it."""
        return self._database.transaction()

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
