"""Images out of an engine and into another, as the one stream that `docker save` writes and `docker load` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from docker import DockerClient

PIECE = 1 << 20  # bytes
_CONNECT = 60.0  # s
_ZSTD = (1, 42)  # the API of Docker 23, the first that loads it
_SILENT = 3600.0  # s that an engine may say nothing: it packs, or unpacks, gigabytes before its first word


class LoadError(Exception):
    """One line: why an engine did not take images."""


def open_save(client: DockerClient, names: Sequence[str]) -> IO[bytes]:
    """A stream to be closed; layers that images share are in it once. Raises what the Docker SDK raises."""
    api = client.api
    answer = api.get(_url(client, "get"), params={"names": list(names)}, stream=True, timeout=(_CONNECT, _SILENT))
    api._raise_for_status(answer)  # noqa: SLF001 - the SDK's own call takes one image only
    return cast("IO[bytes]", answer.raw)


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """The whole stream, which is closed at the end."""
    with closing(stream):
        while piece := stream.read(PIECE):
            yield piece


def load(client: DockerClient, stream: Iterable[bytes], *, far: bool) -> None:
    """`far`: over a network, so compressed on the way.

    Raises LoadError, and whatever `stream` raises: then the engine has taken nothing.
    """
    from docker.errors import APIError
    from requests import RequestException

    api = client.api
    try:
        answer = api.post(
            _url(client, "load"),
            params={"quiet": "0"},
            data=_packed(stream) if far and _takes_zstd(client) else iter(stream),
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=(_CONNECT, _SILENT),
        )
        api._raise_for_status(answer)  # noqa: SLF001 - as above
        said = [json.loads(line) for line in answer.iter_lines() if line]
    except APIError as error:
        raise LoadError(str(error.explanation or error).strip().splitlines()[-1]) from error
    except (RequestException, ValueError) as error:
        raise LoadError("its engine broke off (is its disk full?)") from error
    for one in said:
        if why := one.get("error"):
            raise LoadError(str(why).strip().splitlines()[-1])


def _packed(stream: Iterable[bytes]) -> Iterator[bytes]:
    """A third of the bytes, made faster than most networks take them."""
    import zstandard

    packer = zstandard.ZstdCompressor(level=1).compressobj()
    for piece in stream:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _takes_zstd(client: DockerClient) -> bool:
    return tuple(map(int, client.api.api_version.split("."))) >= _ZSTD


def _url(client: DockerClient, what: str) -> str:
    return f"{client.api.base_url}/v{client.api.api_version}/images/{what}"
