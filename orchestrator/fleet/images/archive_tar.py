"""The tar of an archive's parts, as pieces: what writing and reading have in common."""

from __future__ import annotations

import tarfile

PIECE = 1 << 20  # bytes


class SaveError(Exception):
    """One line: what is not as it should be in what was to be saved."""


def header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def link(name: str, target: str) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = tarfile.SYMTYPE, target, 0o777
    return member.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def end() -> bytes:
    return bytes(2 * tarfile.BLOCKSIZE)
