"""The list of what lies in an archive, and of what should and does not. Its last file, as it has all checksums."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.spec.values import DnsLabel

NAME = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Member(_Part):
    """A file; `size` in bytes."""

    name: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Missing(_Part):
    """What could not be had."""

    what: str
    why: str


class Counts(_Part):
    """How many of each lie in it."""

    accounts: Annotated[int, Field(ge=0)] = 0
    chats: Annotated[int, Field(ge=0)] = 0
    attachments: Annotated[int, Field(ge=0)] = 0  # files of the chats
    collections: Annotated[int, Field(ge=0)] = 0
    files: Annotated[int, Field(ge=0)] = 0  # of the collections
    requests: Annotated[int, Field(ge=0)] = 0  # that the usage adds up


class Manifest(_Part):
    """No secrets."""

    workshop: DnsLabel
    participant: str | None  # of whom alone it is; None: of all
    at: str  # ISO 8601, UTC
    program: str  # the version that wrote it
    webui: str | None  # the version of Open WebUI; None: there is none, or it did not answer
    counts: Counts
    members: list[Member]
    missing: list[Missing]
