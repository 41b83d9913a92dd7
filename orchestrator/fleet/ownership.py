"""Whose workshop lies on this machine: a small file beside each stack's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.errors import UserError, Where


@dataclass(frozen=True, slots=True)
class Owner:
    """`deployment` is random and known to the state of whoever deployed it."""

    workshop: str
    deployment: str
    who: str  # user@machine
    spec: str


def owner_file(stack_folder: Path) -> Path:
    return stack_folder.with_name(f"{stack_folder.name}.json")


def read_owner(stack_folder: Path) -> Owner | None:
    try:
        return Owner(**json.loads(owner_file(stack_folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def require_ownership(host: str, stack_folder: Path, deployment: str) -> None:
    """Raises UserError `deployed_by_another` when a workshop of this name with another id lies there."""
    owner = read_owner(stack_folder)
    if owner is None or owner.deployment == deployment:
        return
    raise UserError(
        "deployed_by_another",
        f"a workshop named {owner.workshop} runs here already: {owner.who} deployed it from {owner.spec}",
        where=Where(host=host),
        hint="Use that state (--state-dir), another name, or --take-over: its chats go, all keys change",
    )


def as_variables(owner: Owner) -> dict[str, str]:
    """For the playbook that writes the file."""
    return asdict(owner)
