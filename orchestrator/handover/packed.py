"""Files as one compressed stream, and back: zlib over the length of the manifest (8 bytes), the manifest, the files.

Nothing but names, sizes and bytes: there are no links, devices, owners or modes in it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.handover.contents import MOST_FILES, Manifest, invalid, read_manifest

PIECE = 256 * 1024  # bytes
LENGTH = 8  # bytes, big-endian
LONGEST_MANIFEST = MOST_FILES * 2048
FILE_MODE = 0o600
FOLDER_MODE = 0o700


def pack(manifest: Manifest, files: Sequence[Path]) -> Iterator[bytes]:
    """`files` in the order of the manifest's entries. Raises UserError `changed_meanwhile`, `file_unreadable`."""
    packer = zlib.compressobj()
    document = manifest.model_dump_json().encode()
    yield packer.compress(len(document).to_bytes(LENGTH) + document)
    for entry, file in zip(manifest.entries, files, strict=True):
        for piece in _read(file, entry.size):
            yield packer.compress(piece)
    yield packer.flush()


class Unpacker:
    """Reads the manifest at once; then `write_to` a folder, for good only when it has returned.

    Raises UserError `handover_invalid`, and whatever `packed` raises.
    """

    def __init__(self, packed: Iterable[bytes]) -> None:
        self._pieces = _inflated(packed)
        self._rest = b""
        length = int.from_bytes(b"".join(self._take(LENGTH)))
        if length > LONGEST_MANIFEST:
            raise invalid("its list of contents is too long")
        self.manifest = read_manifest(b"".join(self._take(length)))

    def write_to(self, folder: Path) -> None:
        """Every file, private, under its name; `folder` is new and nobody else's."""
        for entry in self.manifest.entries:
            path = folder / entry.name
            path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
                for piece in self._take(entry.size):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        if self._rest or any(self._pieces):  # to the very end, which alone proves that nothing was cut off
            raise invalid("there is more in it than its list of contents says")

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            self._rest = self._rest or next(self._pieces, b"")
            if not self._rest:
                raise invalid("there is less in it than its list of contents says")
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield piece


def _inflated(packed: Iterable[bytes]) -> Iterator[bytes]:
    """In pieces of a bounded size, whatever they were compressed to."""
    unpacker = zlib.decompressobj()
    try:
        for piece in packed:
            waiting = piece
            while waiting and not unpacker.eof:
                if found := unpacker.decompress(waiting, PIECE):
                    yield found
                waiting = unpacker.unconsumed_tail
        while not unpacker.eof and (found := unpacker.decompress(b"", PIECE)):
            yield found
    except zlib.error:
        raise invalid("its contents are not compressed as they should be") from None
    if not unpacker.eof or unpacker.unused_data:
        raise invalid("its contents do not end where they should")


def _read(path: Path, size: int) -> Iterator[bytes]:
    where = Where(file=path)
    try:
        with path.open("rb") as file:
            left = size
            while left and (piece := file.read(min(left, PIECE))):
                left -= len(piece)
                yield piece
            if left or file.read(1):
                hint = "Run the same command again"
                raise UserError("changed_meanwhile", "was changed while it was read", where=where, hint=hint)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        hint = "Make it readable, or take it out of the spec"
        raise UserError("file_unreadable", f"cannot be read: {reason}", where=where, hint=hint) from None
