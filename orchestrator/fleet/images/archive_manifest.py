"""What is in an archive of images, and how the file ends: so that it is known whole before anything is taken from it.

    one zstd frame       a tar as `docker save` writes it: `zstd -dc FILE | docker load` takes it without this program
    skippable frames     files of weights as they are, each in pieces of FRAME bytes: weights don't get smaller
    a skippable frame    the manifest, JSON
    a skippable frame    the footer: MAGIC, the manifest's length (8 bytes, big-endian), SHA-256 of all bytes before it

Skippable frames are zstd's own (RFC 8878, 3.1.2): other programs pass over them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import UserError, Where
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component

MAGIC = b"workshop-images\n"
HEADER = struct.Struct("<II")  # of a skippable frame: its magic number, its length
SKIP_MANIFEST, SKIP_FOOTER, SKIP_WEIGHTS = 0x184D2A57, 0x184D2A58, 0x184D2A59
FRAME = 1 << 30  # bytes of weights in one frame, at most
LENGTH, SUM = 8, 32  # bytes
FOOTER = HEADER.size + len(MAGIC) + LENGTH + SUM
LONGEST_MANIFEST = 16 << 20  # bytes


def _inside(path: str) -> str:
    """A path that stays where it is unpacked."""
    if not path or path.startswith(("/", "../")) or normpath(path) != path or path == "..":
        raise ValueError("leads elsewhere")
    return path


Inside = Annotated[str, Field(pattern=r"^[^\x00\n]+$"), AfterValidator(_inside)]
Sum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Entry):
    """A member of the tar: an image's layer or configuration. `weights`: in no engine's tar."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")]
    kind: Literal["image", "weights"] = "image"
    size: Annotated[int, Field(ge=0)]
    sha256: Sum


class ArchivedImage(_Entry):
    component: Component
    reference: str
    digest: Sha256 | None  # of the registry's manifest; None: it was built
    id: Sha256  # as the engine that it was saved from called it
    content: Sha256  # layers, platform and how it starts: the same in every engine
    platform: str
    size: Annotated[int, Field(ge=0)]  # bytes, unpacked
    parts: Annotated[tuple[str, ...], Field(min_length=1)]  # its configuration, then its layers from the lowest

    @property
    def image(self) -> Image:
        return Image(self.reference, self.digest, "archive")


class WeightsFile(_Entry):
    path: Inside  # in the volume
    size: Annotated[int, Field(ge=0)]
    sha256: Sum
    at: Annotated[int, Field(ge=0)]  # where its first frame begins in the archive


class ArchivedWeights(_Entry):
    """One model's files as they lie in a host's volume. `key` and `volume` say which those are, as plans name them."""

    model: str
    volume: str
    key: str
    tree: Inside  # file or folder of the volume that holds them all
    files: Annotated[tuple[WeightsFile, ...], Field(min_length=1)]
    links: dict[Inside, str] = {}  # path to what it leads to, as a link says it
    read: Annotated[tuple[Inside, ...], Field(min_length=1)]  # what engines open: files, or links to them

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(file.size for file in self.files)

    @property
    def listing(self) -> tuple[str, ...]:
        """SIZE SHA256 PATH of what engines open, as weights.sh marks it."""
        files = {file.path: file for file in self.files}
        found = [(path, files[followed(path, self.links)]) for path in self.read]
        return tuple(f"{file.size} {file.sha256} {path}" for path, file in found)

    def is_whole(self) -> bool:
        """Nothing leads elsewhere, and all that engines open is there."""
        below = (*(file.path for file in self.files), *self.links)
        leads = [followed(path, self.links) for path in (*self.read, *self.links)]
        inside = all(path == self.tree or path.startswith(f"{self.tree}/") for path in (*below, *leads))
        return inside and set(leads) <= {file.path for file in self.files}


def followed(path: str, links: Mapping[str, str]) -> str:
    """Where a path leads to."""
    return normpath(join(dirname(path), links[path])) if path in links else path


class Manifest(_Entry):
    format: Literal[1] = 1
    program: str  # the version that made it
    workshop: str  # the spec's name
    made: str  # ISO 8601, UTC
    images: tuple[ArchivedImage, ...]
    parts: tuple[Part, ...]
    weights: tuple[ArchivedWeights, ...] = ()

    @property
    def text(self) -> bytes:
        """Without weights as earlier versions wrote it, so that they read it."""
        return self.model_dump_json(exclude=None if self.weights else {"weights"}).encode()

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return sum(part.size for part in self.parts)


def read_manifest(file: Path, text: bytes) -> Manifest:
    """Raises UserError `archive_invalid`."""
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise invalid(
            file, f"its list of contents is not one that this version reads ({at})", "Save it again with this version"
        ) from None
    known = {part.name for part in manifest.parts}
    if any(set(image.parts) - known for image in manifest.images):
        raise invalid(file, "its list of contents names parts that it does not have")
    if not all(weights.is_whole() for weights in manifest.weights):
        raise invalid(file, "its list of contents names weights that it does not have")
    return manifest


def invalid(file: Path, why: str, hint: str = "Copy it again from where it was made") -> UserError:
    return UserError("archive_invalid", why, where=Where(file=file), hint=hint)
