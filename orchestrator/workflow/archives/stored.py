"""A file that Open WebUI keeps, into the archive: on the disk meanwhile, never whole in memory."""

from __future__ import annotations

import tempfile
from typing import IO, cast

from orchestrator.errors import UserError
from orchestrator.webui.away import patiently
from orchestrator.webui.client import WebUI
from orchestrator.webui.files import PATH
from orchestrator.webui.refused import WebUIRefused
from orchestrator.workflow.archives.gathering import Gathering

IN_MEMORY = 1 << 20  # bytes of a file; a longer one lies on the disk meanwhile
MOST = 1 << 30  # bytes of one file: twice what the gateway lets through in one request


class TooLargeError(UserError):
    """A file that is longer than anything that came through the gateway."""


NOT_HAD = (WebUIRefused, TooLargeError)


def put_stored(gathering: Gathering, webui: WebUI, file: str, place: str) -> None:
    """Raises one of NOT_HAD for this file; other errors where the server does not answer."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(gathering.writer.disk)) as content:
        stream = cast("IO[bytes]", content)

        def fetch() -> None:
            stream.seek(0)
            stream.truncate()
            webui.download(f"{PATH}{file}/content", cast("IO[bytes]", _Bounded(stream)))

        patiently(webui, fetch)
        size = stream.tell()
        stream.seek(0)
        gathering.writer.file(place, stream, size)


class _Bounded:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, piece: bytes) -> int:
        if self._stream.tell() + len(piece) > MOST:
            raise TooLargeError("file_too_large", f"it is longer than {MOST >> 20} MiB")
        return self._stream.write(piece)
