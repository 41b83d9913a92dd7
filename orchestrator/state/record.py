"""The record of teardowns: the one thing about a workshop that is written down after its state has gone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """One teardown that came to its end. No secrets."""

    at: str  # ISO 8601, UTC
    workshop: str
    deployment_id: str | None
    spec_path: str | None
    hosts: tuple[str, ...]
    left: tuple[str, ...]  # what was still found afterwards; empty is the proof
    kept_state: bool = False


def record_teardown(folder: StateFolder, teardown: Teardown) -> None:
    """Appends one line of JSON, on the disk when it returns."""
    with refusals_explained(folder.teardowns):
        descriptor = os.open(folder.teardowns, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # The newline before it ends what a power cut may have left unfinished.
            file.write("\n" + json.dumps(asdict(teardown)) + "\n")
            file.flush()
            os.fsync(file.fileno())


def teardowns(folder: StateFolder) -> tuple[Teardown, ...]:
    """Oldest first; a line that a power cut left unfinished is passed over."""
    with refusals_explained(folder.teardowns):
        if not folder.teardowns.exists():
            return ()
        lines = folder.teardowns.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(filter(None, map(_read, lines)))


def _read(line: str) -> Teardown | None:
    try:
        document = json.loads(line)
        return Teardown(**document | {part: tuple(document[part]) for part in ("hosts", "left")})
    except (ValueError, TypeError, KeyError):
        return None
