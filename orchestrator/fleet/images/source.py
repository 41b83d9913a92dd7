"""Where hosts' images are read from: an engine that has them, or an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Protocol

from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.images.content import Content
from orchestrator.fleet.images.engine_tar import open_save, pieces
from orchestrator.plan.images import Image


class Source(Protocol):
    """Has certain images, under the names that stacks use. Its methods may run in several threads."""

    name: str  # for messages

    def content(self, image: Image) -> Content:
        """What it consists of."""

    def size(self, images: Sequence[Image]) -> int:
        """Bytes, unpacked; layers that images share may count more than once."""

    def read(self, images: Sequence[Image]) -> Iterator[bytes]:
        """All of them as one stream that an engine loads."""


class EngineSource:
    """An engine, this machine's or a host's. Raises UserError where it does not answer."""

    def __init__(self, docker: DockerHost, name: str | None = None) -> None:
        self.name = name or docker.name
        self._docker = docker

    def content(self, image: Image) -> Content:
        with self._docker.explained():
            return Content.read(self._docker.client.api.inspect_image(image.pinned))

    def size(self, images: Sequence[Image]) -> int:
        with self._docker.explained():
            return sum(self._docker.client.api.inspect_image(image.pinned)["Size"] for image in images)

    def open(self, images: Sequence[Image]) -> IO[bytes]:
        """The same stream as a file, to be closed."""
        with self._docker.explained():
            return open_save(self._docker.client, [image.pinned for image in images])

    def read(self, images: Sequence[Image]) -> Iterator[bytes]:
        return pieces(self.open(images))
