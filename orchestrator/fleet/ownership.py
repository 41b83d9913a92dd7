"""Whose workshop lies on this machine: a small file beside each stack's folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import PurePosixPath
from typing import Any, Self

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import ContainerState


@dataclass(frozen=True, slots=True)
class Owner:
    """`deployment` is random and known to the state of whoever deployed it."""

    workshop: str
    deployment: str
    who: str  # user@machine
    spec: str

    @classmethod
    def read(cls, note: Any) -> Self | None:
        """As it was noted on the host; None where nobody did, or not so."""
        known = isinstance(note, dict) and set(note) == {field.name for field in fields(cls)}
        return cls(**note) if known else None


def owner_file(stack_folder: PurePosixPath) -> PurePosixPath:
    return stack_folder.with_name(f"{stack_folder.name}.json")


def require_ownership(
    host: str, owner: Owner | None, deployment: str, containers: Iterable[ContainerState] = ()
) -> None:
    """Raises UserError `deployed_by_another` when a workshop of this name with another id is there.

    The file tells who; containers tell it of themselves where another user's file lies elsewhere.
    """
    if owner is not None and owner.deployment != deployment:
        raise _another(
            host, f"a workshop named {owner.workshop} runs here already: {owner.who} deployed it from {owner.spec}"
        )
    foreign = next((container for container in containers if container.deployment not in {"", deployment}), None)
    if foreign is not None:
        raise _another(
            host, f"a workshop of this name runs here already, deployed from another state: container {foreign.name}"
        )


def _another(host: str, message: str) -> UserError:
    hint = (
        "Use that state (--state-dir), or have it given to you (workshop state import), choose another name, "
        "or --take-over: that removes its accounts and chats, and all keys change"
    )
    return UserError("deployed_by_another", message, where=Where(host=host), hint=hint)


def as_variables(owner: Owner) -> dict[str, str]:
    """For the playbook that writes the file."""
    return asdict(owner)
