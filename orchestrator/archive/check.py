"""Reads an archive from its beginning to its end and compares every file with the list in it. Unpacks nothing."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from orchestrator.archive.manifest import NAME, Manifest
from orchestrator.errors import UserError, Where

MOST_MANIFEST = 256 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """`wrong`: what is not as the list says, a line each."""

    file: Path
    size: int
    manifest: Manifest
    wrong: tuple[str, ...]


def check(file: Path) -> Checked:
    """Raises UserError `archive_unreadable` for what is no archive of this program, or not a whole one."""
    try:
        with tarfile.open(file, mode="r|gz") as tar:
            found, manifest = _read(tar)
        size = file.stat().st_size
    except (tarfile.TarError, zlib.error, EOFError, OSError) as problem:
        reason = (getattr(problem, "strerror", None) or str(problem) or "it ends too early").lower()
        raise _unreadable(file, reason) from None
    if manifest is None:
        raise _unreadable(file, "its list of contents is not there")
    return Checked(file, size, manifest, tuple(_compared(found, manifest)))


def _read(tar: tarfile.TarFile) -> tuple[list[tuple[str, int, str]], Manifest | None]:
    found: list[tuple[str, int, str]] = []
    manifest: Manifest | None = None
    for entry in tar:
        stream = tar.extractfile(entry)  # None: a folder, or a link
        name = entry.name.partition("/")[2]
        if stream is None:
            found.append((name, 0, "not a file"))
        elif name == NAME and entry.size <= MOST_MANIFEST:
            try:
                manifest = Manifest.model_validate_json(stream.read())
            except ValidationError:
                raise tarfile.ReadError("its list of contents is not one of this program") from None
        else:
            digest = hashlib.file_digest(stream, "sha256")  # type: ignore[arg-type]  # typeshed's IO has no readinto
            found.append((name, entry.size, digest.hexdigest()))
    return found, manifest


def _compared(found: list[tuple[str, int, str]], manifest: Manifest) -> list[str]:
    listed = {member.name: member for member in manifest.members}
    wrong: list[str] = []
    for name, size, sha256 in found:
        member = listed.pop(name, None)
        if member is None:
            wrong.append(f"{name!r} is not in the list, or there twice")
        elif (member.size, member.sha256) != (size, sha256):
            wrong.append(f"{name!r} is not what was written")
    return [*wrong, *(f"{name!r} is not there" for name in listed)]


def _unreadable(file: Path, why: str) -> UserError:
    return UserError(
        "archive_unreadable",
        f"this is not a whole archive: {why}",
        where=Where(file=file),
        hint="Was it copied to its end?",
    )
