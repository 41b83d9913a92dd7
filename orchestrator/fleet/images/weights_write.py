"""Weights on their way into an archive: each file's bytes as they are, its digest compared with what is known of it."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, cast

from orchestrator.fleet.images.archive_manifest import (
    FRAME,
    HEADER,
    SKIP_WEIGHTS,
    ArchivedWeights,
    WeightsFile,
    followed,
)
from orchestrator.fleet.images.archive_tar import PIECE, SaveError

LARGE = re.compile(r"^[0-9a-f]{64}$")  # a file of Hugging Face's cache that is named after its SHA-256
UNFINISHED = re.compile(r"\.(part|incomplete|lock)$|^sha256-[0-9a-f]{64}-partial")


@dataclass(frozen=True, slots=True)
class Crate:
    """One model's weights, where they were found. `files` are lines SIZE SHA256 PATH; `tar` gives the tree."""

    model: str
    volume: str
    key: str
    tree: str
    origin: str
    files: tuple[str, ...]
    tar: Callable[[], Generator[bytes, None, None]]

    @property
    def size(self) -> int:
        """Bytes; a file that stands there twice counts twice."""
        return sum(int(line.split(" ", 1)[0]) for line in self.files)


class Crates:
    """All of them, one after the other. `packed` is there at the end."""

    def __init__(self, crates: Sequence[Crate]) -> None:
        self.crates = crates
        self.packed: tuple[ArchivedWeights, ...] = ()
        self._at = 0

    def pieces(self, at: int) -> Iterator[bytes]:
        """Frames; the first begins at this byte of the archive. Raises SaveError."""
        self._at = at
        for crate in self.crates:
            yield from self._crate(crate)

    def _crate(self, crate: Crate) -> Iterator[bytes]:
        known = {path: (int(size), sha256) for size, sha256, path in (line.split(" ", 2) for line in crate.files)}
        wanted = {sha256 for _, sha256 in known.values()}
        files: dict[str, WeightsFile] = {}
        links: dict[str, str] = {}
        parent = PurePosixPath(crate.tree).parent
        try:
            with (
                closing(crate.tar()) as pieces,
                tarfile.open(fileobj=cast("IO[bytes]", _Pieces(pieces)), mode="r|", bufsize=PIECE) as tar,
            ):
                for member in tar:
                    path = str(parent / member.name)
                    name = PurePosixPath(path).name
                    if member.issym() and path in known:
                        links[path] = member.linkname
                    content = tar.extractfile(member) if member.isfile() else None
                    if content is None or UNFINISHED.search(name) or (LARGE.match(name) and name not in wanted):
                        continue
                    at, checksum = self._at, hashlib.sha256()
                    yield from self._framed(content, member.size, checksum.update)
                    files[path] = WeightsFile(path=path, size=member.size, sha256=checksum.hexdigest(), at=at)
        except tarfile.TarError as problem:
            raise SaveError(f"the weights of {crate.model} broke off at {crate.origin}: {problem}") from None
        self._compare(crate, known, files, links)
        self.packed += (
            ArchivedWeights(
                model=crate.model,
                volume=crate.volume,
                key=crate.key,
                tree=crate.tree,
                files=tuple(files.values()),
                links=links,
                read=tuple(known),
            ),
        )

    def _framed(self, content: IO[bytes], size: int, check: Callable[[bytes], None]) -> Iterator[bytes]:
        left = size
        while left:
            length = inside = min(FRAME, left)
            self._at += HEADER.size + length
            left -= length
            yield HEADER.pack(SKIP_WEIGHTS, length)
            while inside:
                piece = content.read(min(PIECE, inside))
                if not piece:
                    raise tarfile.ReadError("it is shorter than it says")
                check(piece)
                inside -= len(piece)
                yield piece

    def _compare(
        self,
        crate: Crate,
        known: Mapping[str, tuple[int, str]],
        files: Mapping[str, WeightsFile],
        links: Mapping[str, str],
    ) -> None:
        for path, (size, sha256) in known.items():
            file = files.get(followed(path, links))
            if file is None:
                raise SaveError(f"the weights of {crate.model} at {crate.origin} lack {path}")
            if (file.size, file.sha256) != (size, sha256):
                raise SaveError(f"the weights of {crate.model} at {crate.origin} are damaged: {path}")


class _Pieces:
    """What comes in pieces, to be read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._left and (piece := next(self._pieces, None)):
            if len(piece) == size:  # as most are
                return piece
            self._left = memoryview(piece)
        found = bytearray()
        while len(found) < size:
            if not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._left = memoryview(piece)
            taken = self._left[: size - len(found)]
            self._left = self._left[len(taken) :]
            found += taken
        return bytes(found)
