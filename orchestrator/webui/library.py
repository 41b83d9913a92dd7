"""The knowledge that Open WebUI should hold, as values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """`name` is its own within the collection; `sha256` is None where it can't be read."""

    name: str
    path: Path
    sha256: str | None

    @classmethod
    def at(cls, name: str, path: Path) -> LibraryFile:
        """Reads it."""
        try:
            with path.open("rb") as file:
                return cls(name, path, hashlib.file_digest(file, "sha256").hexdigest())
        except OSError:
            return cls(name, path, None)  # told with the reason when it is to be sent


@dataclass(frozen=True, slots=True)
class LibraryCollection:
    """`teams` may use it, None: everybody."""

    name: str
    description: str
    teams: tuple[str, ...] | None
    files: tuple[LibraryFile, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """`model` makes the embeddings, asked at the gateway with `key`; without a name the server has one of its own."""

    model: str
    key: SecretStr
    collections: tuple[LibraryCollection, ...] = ()
