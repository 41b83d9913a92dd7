"""The note that a state was given away: from then on its copy is the one that counts, and commands here refuse."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass

from orchestrator.durable import replace_file
from orchestrator.errors import UserError, Where
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import BESIDE_SPEC, StateFolder


@dataclass(frozen=True, slots=True)
class HandedOver:
    at: str  # ISO 8601, UTC
    who: str  # user@machine
    file: str  # what it was written to


def hand_over(folder: StateFolder, note: HandedOver) -> None:
    """On the disk when it returns."""
    with refusals_explained(folder.handed_over):
        replace_file(folder.handed_over, json.dumps(asdict(note)).encode(), 0o600)


def take_back(folder: StateFolder) -> bool:
    """Whether there was a note."""
    with refusals_explained(folder.handed_over):
        was_there = folder.handed_over.exists()
        folder.handed_over.unlink(missing_ok=True)
    return was_there


def require_in_charge(folder: StateFolder) -> None:
    """Raises UserError `handed_over`."""
    refusal = handed_over(folder)
    if refusal is not None:
        raise refusal


def handed_over(folder: StateFolder) -> UserError | None:
    """That this state was given away, and what to do; a note that cannot be read counts as one."""
    with refusals_explained(folder.handed_over):
        if not folder.handed_over.exists():
            return None
        try:
            note = HandedOver(**json.loads(folder.handed_over.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            note = None
    told = f" on {note.at} by {note.who}, as {note.file}" if note else ""
    return UserError(
        "handed_over",
        f"this workshop was handed over{told}: another copy of its state is the one that counts",
        where=Where(file=folder.path),
        hint=f"Have it handed back (workshop state import FILE {_place(folder)} --replace); "
        "if it never arrived: workshop state take-back SPEC",
    )


def _place(folder: StateFolder) -> str:
    """The options that lead to this state from wherever they are typed."""
    base = folder.path.parent
    if base.name == BESIDE_SPEC:
        return shlex.join(["--to", str(base.parent)])
    return shlex.join(["--state-dir", str(base)])
