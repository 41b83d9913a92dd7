"""Writes an archive: an engine's `docker save`, compressed as it comes, every part's checksum taken on the way."""

from __future__ import annotations

import hashlib
import itertools
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from orchestrator.fleet.images.archive_manifest import (
    HEADER,
    LENGTH,
    MAGIC,
    SKIP_FOOTER,
    SKIP_MANIFEST,
    ArchivedImage,
    Manifest,
    Part,
)
from orchestrator.fleet.images.archive_tar import PIECE, SaveError, header, padding
from orchestrator.fleet.images.content import Content
from orchestrator.fleet.images.weights_write import Crates
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component

LEVEL = 3  # zstd's own default: higher ones take twice as long for some per cent
DOCKER_MANIFEST = "manifest.json"  # github.com/moby/docker-image-spec, v1.2
_INDEXES = {DOCKER_MANIFEST, "index.json", "oci-layout", "repositories"}  # told anew for what is taken out


@dataclass(frozen=True, slots=True)
class Saved:
    """An image that the stream has, as its engine describes it."""

    component: Component
    image: Image
    id: str
    content: Content
    size: int


def written(
    stream: IO[bytes], images: Sequence[Saved], about: Callable[..., Manifest], weights: Crates | None = None
) -> Iterator[bytes]:
    """The archive's bytes. `stream` is what an engine saves of `images`; `about` makes the manifest.

    Raises SaveError.
    """
    import zstandard

    whole, size = hashlib.sha256(), 0
    packer = zstandard.ZstdCompressor(level=LEVEL, threads=-1, write_checksum=True).compressobj()
    repacked = Repacked(stream, images)
    packing = (packed for piece in repacked.pieces() if (packed := packer.compress(piece)))
    for packed in itertools.chain(packing, (packer.flush() for _ in range(1))):
        whole.update(packed)
        size += len(packed)
        yield packed
    crates = weights or Crates(())
    for piece in crates.pieces(size):
        whole.update(piece)
        yield piece
    text = about(images=repacked.images, parts=repacked.parts, weights=crates.packed).text
    footer = MAGIC + len(text).to_bytes(LENGTH)
    last = HEADER.pack(SKIP_FOOTER, len(footer) + whole.digest_size) + footer
    for piece in (HEADER.pack(SKIP_MANIFEST, len(text)) + text, last):
        whole.update(piece)
        yield piece
    yield whole.digest()


class Repacked:
    """A tar from an engine, without what only that engine knows. `images` and `parts` are there at its end."""

    def __init__(self, stream: IO[bytes], images: Sequence[Saved]) -> None:
        self._stream = stream
        self._saved = images
        self.images: tuple[ArchivedImage, ...] = ()
        self.parts: tuple[Part, ...] = ()

    def pieces(self) -> Iterator[bytes]:
        parts: dict[str, Part] = {}
        links: dict[str, str] = {}  # engines before Docker 25 write a layer that two images share as a link
        told: list[dict[str, Any]] = []
        with tarfile.open(fileobj=self._stream, mode="r|", bufsize=PIECE) as tar:
            for member in tar:
                if member.issym():
                    links[member.name] = _resolved(member)
                file = tar.extractfile(member) if member.isfile() else None
                if file is None:
                    continue
                if member.name == DOCKER_MANIFEST:
                    told = json.load(file)
                elif member.name not in _INDEXES:
                    checksum = hashlib.sha256()
                    yield header(member.name, member.size)
                    while piece := file.read(PIECE):
                        checksum.update(piece)
                        yield piece
                    yield padding(member.size)
                    parts[member.name] = Part(name=member.name, size=member.size, sha256=checksum.hexdigest())
        self.images = tuple(_described(saved, told, links) for saved in self._saved)
        if lost := {name for image in self.images for name in image.parts} - set(parts):
            raise SaveError(f"the engine did not send {min(lost)}")
        self.parts = tuple(parts.values())
        yield from docker_manifest({_names(image): image.parts for image in self.images})


def docker_manifest(images: Mapping[tuple[str, ...], Sequence[str]]) -> Iterator[bytes]:
    """The member that tells an engine what the tar has, and the tar's end. `images`: names to parts."""
    entries = [{"Config": parts[0], "RepoTags": [*names], "Layers": [*parts[1:]]} for names, parts in images.items()]
    text = json.dumps(entries).encode()
    yield header(DOCKER_MANIFEST, len(text)) + text + padding(len(text))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _described(saved: Saved, told: Sequence[Mapping[str, Any]], links: Mapping[str, str]) -> ArchivedImage:
    entry = next((entry for entry in told if saved.image.pinned in (entry.get("RepoTags") or ())), None)
    if entry is None:
        raise SaveError(f"the engine did not send {saved.image.pinned}")
    return ArchivedImage(
        component=saved.component,
        reference=saved.image.reference,
        digest=saved.image.digest,
        id=saved.id,
        content=saved.content.digest,
        platform=saved.content.platform,
        size=saved.size,
        parts=tuple(links.get(name, name) for name in (entry["Config"], *entry["Layers"])),
    )


def _names(image: ArchivedImage) -> tuple[str, ...]:
    """That of stacks, and the one by which people know it, where an engine can carry it."""
    known = () if "@" in image.reference else (image.reference,)
    return tuple(dict.fromkeys((image.image.pinned, *known)))


def _resolved(member: tarfile.TarInfo) -> str:
    """`../LAYER/layer.tar` as seen from `OTHER/layer.tar`."""
    return member.linkname.removeprefix("../")
