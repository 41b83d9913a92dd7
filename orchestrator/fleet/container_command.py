"""A command run inside a container, what it is told and what it prints."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

STDOUT, STDERR = 1, 2
_HEADER = struct.Struct(">BxxxL")  # of each frame: where it was printed, its bytes


class ContainerCommand:
    """Runs when its output is read. Raises what docker-py does, TimeoutError where the engine is silent for too long.

    docker-py's own reader takes the socket below http.client's buffer, and on a busy machine the first bytes of the
    output have come with the answer's head and lie in that buffer. So the frames are read out of it here: as the
    engine's API has them, https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Container/operation/ContainerAttach
    """

    def __init__(self, api: APIClient, container: str, command: Sequence[str], *, said: bytes | None = None) -> None:
        self._api = api
        self._said = said
        self._job: str = api.exec_create(container, list(command), stdin=said is not None)["Id"]

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """STDOUT or STDERR, and what was printed there, as it comes."""
        stream = self._api.exec_start(self._job, socket=True)
        connection = getattr(stream, "_sock", stream)
        with closing(connection), closing(stream):
            if self._said is not None:
                connection.sendall(self._said)
                connection.shutdown(socket.SHUT_WR)
            buffered = stream._response.raw._fp.fp  # noqa: SLF001 - there is no public way to it
            while len(head := buffered.read(_HEADER.size)) == _HEADER.size:
                printed, length = _HEADER.unpack(head)
                yield printed, buffered.read(length)

    def status(self) -> int:
        """The exit code, once all has been read."""
        code: int = self._api.exec_inspect(self._job)["ExitCode"]
        return code
