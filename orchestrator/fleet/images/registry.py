"""Pull by tag once, then by the digest that was recorded; what is here has a name of its own that nobody moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.fleet.images.login import Login
from orchestrator.plan.images import Image, Reference

if TYPE_CHECKING:
    from docker import DockerClient

_LIMIT = ("toomanyrequests", "too many requests", "429")  # docs.docker.com/docker-hub/usage/pulls


class PullError(Exception):
    """One line: why an image could not be pulled. `limited`: the registry gave this address too many already."""

    @property
    def limited(self) -> bool:
        said = str(self).lower()
        return any(word in said for word in _LIMIT)


def local_image(client: DockerClient, reference: str, *, digest: str | None = None) -> Image | None:
    """The image if it is here already; with a `digest`, only that one. It has its `pinned` name from then on."""
    from docker.errors import ImageNotFound

    wanted = Image(reference, digest, "registry")
    for name in dict.fromkeys((wanted.pinned, wanted.origin)):
        try:
            found = client.images.get(name)
        except ImageNotFound:
            continue
        return _named(found, Image(reference, digest or _digest(reference, found.attrs), "registry"))
    return None


def pull(client: DockerClient, reference: str, *, digest: str | None = None, login: Login | None = None) -> Image:
    """Raises PullError. Slow: gigabytes."""
    from docker.errors import APIError, DockerException
    from requests import RequestException

    wanted = Image(reference, digest, "registry").origin
    parts = Reference.parse(wanted)
    account = login.for_registry(parts.host) if login else None
    try:
        # the tag apart from the name: without one, every tag would come
        tag = parts.suffix.rpartition("@")[2] if "@" in parts.suffix else parts.suffix.lstrip(":") or "latest"
        for line in client.api.pull(parts.name, tag=tag, stream=True, decode=True, auth_config=account):
            if why := line.get("error"):
                raise PullError(str(why).strip().splitlines()[-1])
        image = client.images.get(wanted)
    except APIError as error:
        raise PullError(str(error.explanation or error).strip().splitlines()[-1]) from error
    except (DockerException, RequestException) as error:
        raise PullError(str(error).splitlines()[0]) from error
    return _named(image, Image(reference, digest or _digest(reference, image.attrs), "registry"))


def _named(found: Any, image: Image) -> Image:
    """Under the name that stacks use, which another pull of the tag does not move and which a copy keeps."""
    if image.digest is not None and image.pinned not in found.tags:
        repository, _, tag = image.pinned.rpartition(":")
        found.tag(repository, tag=tag)
    return image


def _digest(reference: str, attributes: dict[str, object]) -> str | None:
    parts = Reference.parse(reference)
    if "@" in parts.suffix:
        return parts.suffix.rpartition("@")[2]
    digests = attributes.get("RepoDigests")
    for entry in digests if isinstance(digests, list) else ():
        name, _, digest = str(entry).partition("@")
        if Reference.parse(name).canonical == parts.canonical:
            return digest
    return None
