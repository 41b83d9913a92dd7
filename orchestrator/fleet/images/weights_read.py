"""Weights out of an archive: the tar that a host unpacks into its volume, without what it has."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from orchestrator.engines.container import Fetch
from orchestrator.fleet.images.archive_manifest import HEADER, SKIP_WEIGHTS, ArchivedWeights, WeightsFile, invalid
from orchestrator.fleet.images.archive_read import Archive, opened
from orchestrator.fleet.images.archive_tar import PIECE, end, header, link, padding
from orchestrator.fleet.weights_store import Kept

AT_ONCE = 4  # hosts that read it: more would only make the disk seek


class ArchiveStore:
    """The weights of an archive that was found whole, for any number of hosts at once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._gate = threading.BoundedSemaphore(AT_ONCE)

    def kept(self, fetch: Fetch) -> Kept | None:
        """Those that this fetch would bring, if they are in it."""
        found = (w for w in self._archive.manifest.weights if (w.volume, w.key) == fetch.place)
        weights = next(found, None)
        if weights is None or weights.tree != fetch.tree:
            return None
        parts = tuple(f"{file.size} {file.sha256} {file.path}" for file in weights.files)
        return Kept(self._archive.name, weights.listing, partial(self._stream, weights), parts)

    def _stream(
        self, weights: ArchivedWeights, whole: frozenset[str], stop: threading.Event
    ) -> Generator[bytes, None, None]:
        """Raises UserError `archive_invalid` where a file is not what it was."""
        parent = PurePosixPath(weights.tree).parent
        with self._gate, opened(self._archive.file) as source:
            for file in weights.files:
                if file.path in whole:
                    continue
                yield header(str(PurePosixPath(file.path).relative_to(parent)), file.size)
                checksum = hashlib.sha256()
                for piece in self._file(source, file):
                    if stop.is_set():
                        return
                    checksum.update(piece)
                    yield piece
                if checksum.hexdigest() != file.sha256:
                    raise invalid(self._archive.file, f"{file.path} was changed: its checksum does not match")
                yield padding(file.size)
            for path, target in weights.links.items():
                yield link(str(PurePosixPath(path).relative_to(parent)), target)
            yield end()

    def _file(self, source: IO[bytes], file: WeightsFile) -> Iterator[bytes]:
        source.seek(file.at)
        left = file.size
        while left:
            frame = source.read(HEADER.size)
            kind, inside = HEADER.unpack(frame) if len(frame) == HEADER.size else (0, 0)
            if kind != SKIP_WEIGHTS or not 0 < inside <= left:
                raise invalid(self._archive.file, f"{file.path} does not lie where its list of contents says")
            left -= inside
            while inside:
                piece = source.read(min(PIECE, inside))
                if not piece:
                    raise invalid(self._archive.file, f"{file.path} was cut off")
                inside -= len(piece)
                yield piece
