"""What was put where: hosts, the digest of each step applied on them, and the images that were chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from orchestrator.state.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedHost:
    """All that teardown needs to reach a host and what lies there, without the spec."""

    name: str
    connection: Literal["local", "ssh"] = "local"
    address: str = "localhost"
    user: str | None = None
    port: int | None = None
    project: str  # the Compose project
    folder: PurePosixPath  # on that host


@dataclass(frozen=True, slots=True)
class ImageRecord:
    reference: str
    digest: str | None  # None: an image that was built or loaded here
    source: str  # registry, archive, packages or override


class Deployed:
    """Each method that writes is one transaction."""

    def __init__(self, database: Database, now: Callable[[], str]) -> None:
        self._database = database
        self._now = now

    def hosts(self) -> tuple[DeployedHost, ...]:
        """Every host that may carry something of this workshop, by name."""
        return tuple(
            DeployedHost(
                name=row["name"],
                connection=row["connection"],
                address=row["address"],
                user=row["user"],
                port=row["port"],
                project=row["project"],
                folder=PurePosixPath(row["folder"]),
            )
            for row in self._database.rows("SELECT * FROM hosts ORDER BY name")
        )

    def record_host(self, host: DeployedHost) -> None:
        """To be called before anything is put there."""
        values = (host.name, host.connection, host.address, host.user, host.port, host.project, str(host.folder))
        self._database.write(
            "INSERT INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " connection = excluded.connection, address = excluded.address, user = excluded.user,"
            " port = excluded.port, project = excluded.project, folder = excluded.folder",
            (*values, self._now()),
        )

    def remove_host(self, name: str) -> None:
        """After everything was taken away there; what was applied on it is forgotten too."""
        with self._database.transaction():
            self._database.write("DELETE FROM applied WHERE host = ?", (name,))
            self._database.write("DELETE FROM hosts WHERE name = ?", (name,))

    def record_applied(self, host: str, step: str, digest: str) -> None:
        self._database.write("INSERT OR REPLACE INTO applied VALUES (?, ?, ?, ?)", (host, step, digest, self._now()))

    def applied(self, host: str) -> dict[str, str]:
        """Step to digest."""
        rows = self._database.rows("SELECT step, digest FROM applied WHERE host = ? ORDER BY step", (host,))
        return {row["step"]: row["digest"] for row in rows}

    def record_image(self, component: str, image: ImageRecord) -> None:
        values = (component, image.reference, image.digest, image.source)
        self._database.write("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?)", values)

    def images(self) -> dict[str, ImageRecord]:
        """By component."""
        return {
            row["component"]: ImageRecord(row["reference"], row["digest"], row["source"])
            for row in self._database.rows("SELECT * FROM images ORDER BY component")
        }
