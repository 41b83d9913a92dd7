"""Every host gets the images that its stack needs: from the registry by digest, else copied from where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from orchestrator.errors import HostError, Where
from orchestrator.fleet.images.registry import PullError, local_image, pull
from orchestrator.fleet.machine import Machine
from orchestrator.plan.images import Image

if TYPE_CHECKING:
    from docker import DockerClient


def distribute(
    machine: Machine, images: Iterable[Image], shelf: DockerClient, report: Callable[[str], None]
) -> tuple[str, ...]:
    """What came, in words. `shelf` is an engine that has them all. Raises HostError `image_not_there`."""
    client = machine.docker.client
    came = []
    for image in images:
        with machine.docker.explained():
            if _is_there(client, image):
                continue
            if image.digest is not None and _pulled(client, image, report, machine.name):
                came.append(f"{machine.name}: image {image.reference}: pulled")
                continue
            report(f"{machine.name}: copying {image.reference}")
            _copy(shelf, client, image)
            if not _is_there(client, image):
                hint = "Look at its disk and its Docker log, then run the same command again"
                message = f"{image.reference} was copied and is not there"
                raise HostError("image_not_there", message, where=Where(host=machine.name), hint=hint)
            came.append(f"{machine.name}: image {image.reference}: copied")
    return tuple(came)


def _is_there(client: DockerClient, image: Image) -> bool:
    return local_image(client, image.reference, digest=image.digest) is not None


def _pulled(client: DockerClient, image: Image, report: Callable[[str], None], host: str) -> bool:
    report(f"{host}: pulling {image.reference}")
    try:
        pull(client, image.reference, digest=image.digest)
    except PullError:  # no way to the registry from there: it is copied
        return False
    return True


def _copy(shelf: DockerClient, client: DockerClient, image: Image) -> None:
    """From engine to engine, nothing is kept in between."""
    name = shelf.api.inspect_image(image.pinned)
    stream = shelf.api.get_image(image.reference if image.digest is None else name["Id"])
    client.api.load_image(stream)
