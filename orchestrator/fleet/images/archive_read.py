"""Reads an archive: whole before anything is taken from it, then only the images that are asked for."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self, cast

from orchestrator.errors import UserError, Where
from orchestrator.fleet.images.archive_manifest import (
    FOOTER,
    HEADER,
    LENGTH,
    LONGEST_MANIFEST,
    MAGIC,
    SKIP_FOOTER,
    SKIP_MANIFEST,
    SUM,
    ArchivedImage,
    Manifest,
    invalid,
    read_manifest,
)
from orchestrator.fleet.images.archive_tar import PIECE, header, padding
from orchestrator.fleet.images.archive_write import docker_manifest
from orchestrator.fleet.images.content import Content
from orchestrator.fleet.images.meter import metered
from orchestrator.plan.images import Image


class Archive:
    """An archive that was found whole; a Source of images for hosts. Any number of streams may be read at once."""

    def __init__(self, file: Path, manifest: Manifest, end: int) -> None:
        self.name = file.name
        self.file = file
        self.manifest = manifest
        self._end = end  # of the compressed tar

    @classmethod
    def verified(cls, file: Path, report: Callable[[str], None]) -> Self:
        """Reads the whole file. Raises UserError `archive_invalid`, `archive_unreadable`; then nothing was changed."""
        with opened(file) as source:
            size = source.seek(0, 2)
            length, expected = _footer(file, source, size)
            checksum = hashlib.sha256()
            source.seek(0)
            for piece in metered(_limited(source, size - SUM), "checked", size, report):
                checksum.update(piece)
            if checksum.digest() != expected:
                raise invalid(file, "was cut off or changed: its checksum does not match")
            end = size - FOOTER - length - HEADER.size
            source.seek(max(0, end))
            if end < 0 or HEADER.unpack(source.read(HEADER.size)) != (SKIP_MANIFEST, length):
                raise invalid(file, "its list of contents does not lie where it should")
            manifest = read_manifest(file, source.read(length))
            first = min((one.at for weights in manifest.weights for one in weights.files), default=end)
            return cls(file, manifest, first)

    def content(self, image: Image) -> Content:
        found = self._entry(image)
        return Content(found.content, found.platform)

    def size(self, images: Sequence[Image]) -> int:
        wanted = {name for image in images for name in self._entry(image).parts}
        return sum(part.size for part in self.manifest.parts if part.name in wanted)

    def read(self, images: Sequence[Image]) -> Iterator[bytes]:
        """Raises UserError `archive_invalid` on the way where a part is not what it was."""
        entries = [self._entry(image) for image in images]
        yield from self._parts({name for entry in entries for name in entry.parts})
        yield from docker_manifest({(entry.image.pinned,): entry.parts for entry in entries})

    def _entry(self, image: Image) -> ArchivedImage:
        return next(entry for entry in self.manifest.images if entry.image.pinned == image.pinned)

    def _parts(self, names: Collection[str]) -> Iterator[bytes]:
        import zstandard

        wanted = {part.name: part for part in self.manifest.parts if part.name in names}
        try:
            with (
                opened(self.file) as source,
                zstandard.ZstdDecompressor().stream_reader(
                    cast("IO[bytes]", _Bounded(source, self._end)), read_size=PIECE
                ) as plain,
                tarfile.open(fileobj=plain, mode="r|", bufsize=PIECE) as tar,
            ):
                for member in tar:
                    if member.name not in wanted:
                        continue
                    part = wanted.pop(member.name)
                    content = tar.extractfile(member)
                    if content is None or member.size != part.size:
                        raise invalid(self.file, f"{part.name} is not what its list of contents says")
                    checksum = hashlib.sha256()
                    yield header(part.name, part.size)
                    while piece := content.read(PIECE):
                        checksum.update(piece)
                        yield piece
                    if checksum.hexdigest() != part.sha256:
                        raise invalid(self.file, f"{part.name} was changed: its checksum does not match")
                    yield padding(part.size)
                    if not wanted:
                        return
        except (zstandard.ZstdError, tarfile.TarError):
            raise invalid(self.file, "was changed while it was read") from None
        raise invalid(self.file, f"{min(wanted)} is missing")


class _Bounded:
    """The first bytes of a file as a file of its own."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(piece)
        return piece


def _footer(file: Path, source: IO[bytes], size: int) -> tuple[int, bytes]:
    """The manifest's length, and the checksum of all before the footer."""
    if size < FOOTER:
        raise invalid(file, "is no archive of images", "workshop images save SPEC makes one")
    source.seek(size - FOOTER)
    last = source.read(FOOTER)
    rest = last[HEADER.size :]
    if HEADER.unpack(last[: HEADER.size]) != (SKIP_FOOTER, FOOTER - HEADER.size) or not rest.startswith(MAGIC):
        raise invalid(file, "was cut off, or is no archive of images", "Copy it again; workshop images save makes one")
    length = int.from_bytes(rest[len(MAGIC) : len(MAGIC) + LENGTH])
    if length > LONGEST_MANIFEST:
        raise invalid(file, "was changed: its end is not what it should be")
    return length, rest[-SUM:]


def _limited(source: IO[bytes], size: int) -> Iterable[bytes]:
    bounded = _Bounded(source, size)
    while piece := bounded.read(PIECE):
        yield piece


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Raises UserError `archive_unreadable`."""
    try:
        with file.open("rb") as source:
            yield source
    except OSError as problem:
        why = (problem.strerror or str(problem)).lower()
        raise UserError(
            "archive_unreadable", f"cannot be read: {why}", where=Where(file=file), hint="Name the file that was saved"
        ) from None
