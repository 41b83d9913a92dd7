"""Writes an archive file by file, as they come: a .tar.gz that never stands there half-written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from orchestrator.archive.manifest import NAME, Manifest, Member
from orchestrator.archive.names import Names, safe
from orchestrator.durable import whole_file

MODE = 0o600


class ArchiveWriter:
    """`folder` is what everything in it lies below; `at` is the time of all files.

    `disk` is the folder in which the archive itself comes to lie: what goes into it has room there.
    """

    def __init__(self, stream: gzip.GzipFile, folder: str, at: datetime, disk: Path) -> None:
        self.disk = disk
        self._tar = tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - finish closes it
        self._folder = folder
        self._at = int(at.timestamp())
        self._names = Names()
        self._members: list[Member] = []

    @property
    def members(self) -> list[Member]:
        return list(self._members)

    def place(self, folder: str, name: str) -> str:
        """A name of its own in this folder, for a file or a folder; both parts must be safe already."""
        return self._names.take(folder, name)

    def text(self, name: str, text: str) -> None:
        """Lone surrogates, which JSON may hold, become question marks."""
        self.put(name, text.encode(errors="replace"))

    def json(self, name: str, document: object) -> None:
        self.text(name, json.dumps(document, ensure_ascii=False, indent=1) + "\n")

    def put(self, name: str, content: bytes) -> None:
        self.file(name, io.BytesIO(content), len(content))

    def file(self, name: str, stream: IO[bytes], size: int) -> None:
        """What the stream holds from where it stands; `size` in bytes."""
        reading = _Reading(stream)
        self._add(name, reading, size)
        self._members.append(Member(name=name, size=size, sha256=reading.digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        content = manifest.model_dump_json(indent=1).encode()
        self._add(NAME, io.BytesIO(content), len(content))
        self._tar.close()

    def _add(self, name: str, stream: IO[bytes] | _Reading, size: int) -> None:
        entry = tarfile.TarInfo(f"{self._folder}/{name}")
        entry.size, entry.mode, entry.mtime = size, MODE, self._at
        self._tar.addfile(entry, stream)


class _Reading:
    """A stream whose digest is taken while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self.digest.update(piece)
        return piece


@contextmanager
def new_archive(file: Path, at: datetime) -> Iterator[ArchiveWriter]:
    """It stands there, for its owner alone, once the block has come to its end. Raises OSError."""
    with (
        whole_file(file, MODE) as stream,
        gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=at.timestamp()) as packed,
    ):
        yield ArchiveWriter(packed, safe(file.name.partition(".")[0], "archive"), at, file.parent)
