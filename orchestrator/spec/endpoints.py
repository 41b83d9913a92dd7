"""The values of an external model's endpoint: its URL, and the headers and query that go with each request."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from orchestrator.spec.values import SecretReference, printable, stands_alone

# Written by the gateway for each request, or by the connection between the two.
RESERVED = frozenset(
    {
        "accept-encoding", "connection", "content-length", "content-type", "expect", "host", "keep-alive", "te",
        "trailer", "transfer-encoding", "upgrade", "x-request-id",
    }
)  # fmt: skip


def _nothing_beside_the_path(value: object) -> object:
    """Said apart, for people paste what their provider's page shows."""
    if isinstance(value, str):
        authority = value.partition("://")[2].partition("/")[0]
        if "@" in authority:
            raise PydanticCustomError("base_url", "expected a URL without a user and password: the key is api_key's")
        if "?" in value:
            raise PydanticCustomError("base_url", "expected a URL without a query: its parts go into query:")
        if "#" in value:
            raise PydanticCustomError("base_url", "expected a URL without a #fragment")
    return value


def _port(url: str) -> str:
    try:
        known = urlsplit(url).port != 0
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError("port", "expected a port from 1 to 65535")
    return url


BaseUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"),
    AfterValidator(_port),
    BeforeValidator(_nothing_beside_the_path),
]


PageUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$"),
    AfterValidator(_port),
    AfterValidator(lambda url: url.rstrip("/")),
]
"""Of a page at the root of its server."""


def _own_header(name: str) -> str:
    if name.lower() in RESERVED:
        raise PydanticCustomError("header", "the gateway writes this header itself")
    return name


HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$"), AfterValidator(_own_header)]
QueryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,63}$")]
QueryValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,200}$")]


def _header_value(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.isascii():
        raise PydanticCustomError("header", "a header's value is plain ASCII")
    return stands_alone(value) or printable(value)


HeaderValue = Annotated[str | SecretReference, BeforeValidator(_header_value, json_schema_input_type=str)]
