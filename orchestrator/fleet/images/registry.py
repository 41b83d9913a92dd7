"""Pull by tag once, then by the digest that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.plan.images import Image, Reference

if TYPE_CHECKING:
    from docker import DockerClient


class PullError(Exception):
    """One line: why an image could not be pulled."""


def local_image(client: DockerClient, reference: str, *, digest: str | None = None) -> Image | None:
    """The image if it is here already; with a `digest`, only that one."""
    from docker.errors import ImageNotFound

    wanted = Image(reference, digest, "registry")
    try:
        found = client.images.get(wanted.pinned)
    except ImageNotFound:
        return None
    return Image(reference, digest or _digest(reference, found.attrs), "registry")


def pull(client: DockerClient, reference: str, *, digest: str | None = None) -> Image:
    """Raises PullError. Slow: gigabytes."""
    from docker.errors import APIError, DockerException
    from requests import RequestException

    wanted = Image(reference, digest, "registry").pinned
    parts = Reference.parse(wanted)
    try:
        # the tag apart from the name: without one, every tag would come
        image = client.images.pull(parts.name, tag=parts.suffix.lstrip(":@") or "latest")
    except APIError as error:
        raise PullError(str(error.explanation or error).strip().splitlines()[-1]) from error
    except (DockerException, RequestException) as error:
        raise PullError(str(error).splitlines()[0]) from error
    return Image(reference, digest or _digest(reference, image.attrs), "registry")


def _digest(reference: str, attributes: dict[str, object]) -> str | None:
    mine = Reference.parse(reference).canonical
    digests = attributes.get("RepoDigests")
    for entry in digests if isinstance(digests, list) else ():
        name, _, digest = str(entry).partition("@")
        if Reference.parse(name).canonical == mine:
            return digest
    return None
