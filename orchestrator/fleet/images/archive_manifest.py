"""What is in an archive of images, and how the file ends: so that it is known whole before anything is taken from it.

    one zstd frame       a tar as `docker save` writes it: `zstd -dc FILE | docker load` takes it without this program
    a skippable frame    the manifest, JSON
    a skippable frame    the footer: MAGIC, the manifest's length (8 bytes, big-endian), SHA-256 of all bytes before it

Skippable frames are zstd's own (RFC 8878, 3.1.2): other programs pass over them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import UserError, Where
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component

MAGIC = b"workshop-images\n"
HEADER = struct.Struct("<II")  # of a skippable frame: its magic number, its length
SKIP_MANIFEST, SKIP_FOOTER = 0x184D2A57, 0x184D2A58
LENGTH, SUM = 8, 32  # bytes
FOOTER = HEADER.size + len(MAGIC) + LENGTH + SUM
LONGEST_MANIFEST = 16 << 20  # bytes
Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Entry):
    """A member of the tar. Of `image`s: a layer or a configuration. `weights`: a model's file, no engine's business."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")]
    kind: Literal["image", "weights"] = "image"
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


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


class Manifest(_Entry):
    format: Literal[1] = 1
    program: str  # the version that made it
    workshop: str  # the spec's name
    made: str  # ISO 8601, UTC
    images: tuple[ArchivedImage, ...]
    parts: tuple[Part, ...]

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
    return manifest


def invalid(file: Path, why: str, hint: str = "Copy it again from where it was made") -> UserError:
    return UserError("archive_invalid", why, where=Where(file=file), hint=hint)
