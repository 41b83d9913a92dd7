"""The files of the gateway's log, read inside its container, or out of it when it does not run."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path, PurePosixPath
from shutil import copyfileobj

from orchestrator.errors import HostError, Where
from orchestrator.fleet.container_command import STDERR, ContainerCommand
from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.plan.gateway import DATA_DIR
from orchestrator.private_folder import LOGS, PrivateFolder

CURRENT = "access.jsonl"
OLDER = "access-*.jsonl"  # renamed, and removed once they are collected and nobody writes into them any more
ROTATE_BYTES = 32 << 20
QUIET_SECONDS = 1200  # longer than an old worker lives after a reload (worker_shutdown_timeout)
PIECE = 1 << 20

_LIST = f'cd "$1" && for file in {CURRENT} {OLDER}; do if [ -f "$file" ]; then echo "$file"; fi; done'
_PIECE = 'tail -c "+$1" "$3" | head -c "$2"'
# A file is renamed under nginx's hands: its processes go on writing into it until they reopen theirs, so it is read
# again later and removed only when it has been quiet. If this is killed after `mv`, the next one sends the signal.
_TIDY = f"""\
cd "$1" || exit
limit=$2 quiet=$3 older=$4
shift 4
while [ $# -gt 0 ]; do
    if [ "$(stat -c %s "$1")" = "$2" ] && [ $(($(date +%s) - $(stat -c %Y "$1"))) -ge "$quiet" ]; then rm "$1"; fi
    shift 2
done
if [ -e {CURRENT} ] && [ "$(stat -c %s {CURRENT})" -ge "$limit" ]; then mv -n {CURRENT} "$older"; fi
if [ ! -e {CURRENT} ] && [ -s /run/nginx.pid ]; then kill -USR1 "$(cat /run/nginx.pid)"; fi
"""


class GatewayLog:
    """`container` is the gateway's. Raises UserError for Docker's troubles, HostError `log_unreadable`."""

    def __init__(self, docker: DockerHost, container: ContainerState, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._docker = docker
        self._container = container
        self._rotate_bytes = rotate_bytes

    @contextmanager
    def files(self) -> Iterator[Mapping[str, InContainer | OnDisk]]:
        """By name, to be read inside the `with`."""
        if self._container.state == "running":
            names = b"".join(self._output(["sh", "-c", _LIST, "sh", DATA_DIR])).decode().split()
            yield {name: InContainer(self._output, f"{DATA_DIR}/{name}") for name in names}
            return
        with PrivateFolder(LOGS) as folder:
            yield {file.name: OnDisk(file) for file in self._copied(folder)}

    def tidy(self, collected: Mapping[str, int]) -> None:
        """Keep the log small: `collected` says up to which byte each file was. Does nothing while nginx does not run.

        Nothing that was not collected is removed: not what was written since, not an unfinished line.
        """
        if self._container.state != "running":
            return
        done = [word for name, end in collected.items() if name != CURRENT for word in (name, str(end))]
        older = OLDER.replace("*", str(time.time_ns()))
        bounds = [str(self._rotate_bytes), str(QUIET_SECONDS)]
        for _ in self._output(["sh", "-c", _TIDY, "sh", DATA_DIR, *bounds, older, *done]):
            pass

    def _output(self, command: list[str]) -> Iterator[bytes]:
        """What a command in the container prints, as it comes."""
        complaint = b""
        with self._docker.explained():
            run = ContainerCommand(self._docker.client.api, self._container.id, command)
            for printed, part in run.frames():
                if printed == STDERR:
                    complaint += part
                else:
                    yield part
            status = run.status()
        if status:
            raise self._unreadable(complaint.decode(errors="replace").strip() or f"exit code {status}")

    def _copied(self, folder: Path) -> Iterator[Path]:
        """The files of a container that does not run: the engine gives its whole data folder."""
        with self._docker.explained():
            chunks, _ = self._docker.client.api.get_archive(self._container.id, DATA_DIR)
            try:
                with tarfile.open(fileobj=_Chunks(chunks), mode="r|") as archive:
                    for member in archive:
                        path = PurePosixPath(member.name)
                        content = archive.extractfile(member) if member.isreg() else None
                        if content and len(path.parts) == 2 and (path.name == CURRENT or path.match(OLDER)):  # noqa: PLR2004
                            with (folder / path.name).open("wb") as file:
                                copyfileobj(content, file, PIECE)
                            yield folder / path.name
            except tarfile.TarError as problem:
                raise self._unreadable(str(problem)) from problem

    def _unreadable(self, why: str) -> HostError:
        where = Where(host=self._docker.name, service=self._container.service)
        hint = "Run the same command again; what was collected stays collected"
        return HostError("log_unreadable", f"the gateway's log could not be read: {why}", where=where, hint=hint)


@dataclass(frozen=True, slots=True)
class InContainer:
    """A file that is being written."""

    output: Callable[[list[str]], Iterator[bytes]]  # of a command in the container
    path: str

    def piece(self, offset: int, length: int) -> bytes:
        return b"".join(self.output(["sh", "-c", _PIECE, "sh", str(offset + 1), str(length), self.path]))

    def read(self, offset: int) -> Iterator[bytes]:
        return self.output(["tail", "-c", f"+{offset + 1}", self.path])


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A copy of a file that nobody writes."""

    path: Path

    def piece(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def read(self, offset: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(PIECE):
                yield piece


class _Chunks(RawIOBase):
    """An iterator of bytes as a file that can only be read onwards."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed names it abstractly
        if not self._rest:
            self._rest = next(self._chunks, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
