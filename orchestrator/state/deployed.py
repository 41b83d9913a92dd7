"""What was put where: hosts, the digest of each step applied on them, and the images that were chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
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
    key: Path | None = None  # the SSH key's file here
    jump: str | None = None
    host_key: str | None = None  # fingerprint of the host's key; None: known_hosts decides
    become: bool = False
    project: str  # the Compose project
    folder: PurePosixPath  # on that host, absolute once it was looked at; `~` before


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
                key=Path(row["key"]) if row["key"] else None,
                jump=row["jump"],
                host_key=row["host_key"],
                become=bool(row["become"]),
                project=row["project"],
                folder=PurePosixPath(row["folder"]),
            )
            for row in self._database.rows("SELECT * FROM hosts ORDER BY name")
        )

    def record_host(self, host: DeployedHost) -> None:
        """To be called before anything is put there."""
        values = {
            "name": host.name,
            "connection": host.connection,
            "address": host.address,
            "user": host.user,
            "port": host.port,
            "key": str(host.key) if host.key else None,
            "jump": host.jump,
            "host_key": host.host_key,
            "become": int(host.become),
            "project": host.project,
            "folder": str(host.folder),
        }
        changed = ", ".join(f"{column} = excluded.{column}" for column in values if column != "name")
        self._database.write(
            f"INSERT INTO hosts ({', '.join(values)}, since) VALUES ({', '.join('?' * len(values))}, ?)"  # noqa: S608 - words from above
            f" ON CONFLICT (name) DO UPDATE SET {changed}",
            (*values.values(), self._now()),
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
