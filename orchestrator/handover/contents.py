"""What lies in an export, and what may: names of files, their sizes, and where it all comes from. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import UserError
from orchestrator.spec.values import DnsLabel
from orchestrator.state.folder import BESIDE_SPEC

STATE = "state"  # files of the state's folder lie under this name
SPEC = "spec"  # workshop.yaml and what it names, as they lie in its folder
MOST_FILES = 20_000
MOST_BYTES = 8 * 2**30  # of all files together
LONGEST_NAME = 1000  # characters
LONGEST_PART = 255  # bytes, as file systems have it
_OF_THE_STATE = re.compile(
    r"secret|state\.sqlite3|teardowns\.jsonl|usage/[0-9a-f]{32}\.sqlite3|tls(/[A-Za-z0-9_][A-Za-z0-9._-]*)+|provider-keys/[a-z][a-z0-9-]{0,39}"
)


class Entry(BaseModel):
    """One file; its bytes follow in the order of the list."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    size: Annotated[int, Field(ge=0, le=MOST_BYTES)]


class LeftOut(BaseModel):
    """What the spec names and the export does not hold."""

    model_config = ConfigDict(frozen=True, strict=True)

    what: str
    why: str


class Manifest(BaseModel):
    """The first thing in an export. No secrets."""

    model_config = ConfigDict(frozen=True, strict=True)

    workshop: DnsLabel
    deployment_id: str
    at: str  # ISO 8601, UTC
    who: str  # user@machine
    handed_over: bool  # it was the sender's last word
    spec: str  # the file's name
    folder: str = ""  # it lay in, where that is known
    left_out: list[LeftOut]
    secrets: list[str]  # references that must be set where it goes on
    entries: Annotated[list[Entry], Field(max_length=MOST_FILES)]

    @property
    def spec_entry(self) -> str:
        return f"{SPEC}/{self.spec}"


def read_manifest(document: bytes) -> Manifest:
    """Raises UserError `handover_invalid` for anything that must not be unpacked."""
    try:
        manifest = Manifest.model_validate_json(document)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise invalid(f"its list of contents is wrong: {first['msg']}") from None
    require_acceptable(manifest)
    return manifest


def require_acceptable(manifest: Manifest) -> None:
    """Every name is below its folder, none stands twice or in another's way, and it is not too much."""
    names = {entry.name for entry in manifest.entries}
    wrong = [name for name in sorted(names) if not is_acceptable(name)]
    if wrong:
        raise invalid(f"it holds a file with a name that is not taken: {wrong[0]!r}")
    if len(names) < len(manifest.entries) or any(
        str(parent) in names for name in names for parent in PurePosixPath(name).parents
    ):
        raise invalid("two of its files have the same name")
    if sum(entry.size for entry in manifest.entries) > MOST_BYTES:
        raise invalid(f"its files have more than {MOST_BYTES >> 30} GiB")
    needed = {f"{STATE}/secret", f"{STATE}/state.sqlite3", manifest.spec_entry}
    if missing := sorted(needed - names):
        raise invalid(f"it lacks {', '.join(missing)}")


def is_acceptable(name: str) -> bool:
    """Whether a file of this name may be unpacked: below its own folder, and in the state's only what belongs there."""
    root, _, rest = name.partition("/")
    parts = rest.split("/")
    if len(name) > LONGEST_NAME or any(
        part in {"", ".", ".."} or "\\" in part or not part.isprintable() or len(part.encode()) > LONGEST_PART
        for part in parts
    ):
        return False
    if root == STATE:
        return _OF_THE_STATE.fullmatch(rest) is not None
    return root == SPEC and parts[0] != BESIDE_SPEC


def invalid(why: str) -> UserError:
    hint = "Nothing was imported; export it again with this version of the program"
    return UserError("handover_invalid", f"this export cannot be taken: {why}", hint=hint)
