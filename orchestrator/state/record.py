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
            file.write(json.dumps(asdict(teardown), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def teardowns(folder: StateFolder) -> tuple[Teardown, ...]:
    """Oldest first; none where there was none."""
    with refusals_explained(folder.teardowns):
        if not folder.teardowns.exists():
            return ()
        lines = folder.teardowns.read_text(encoding="utf-8").splitlines()
    documents = [json.loads(line) for line in lines if line]
    return tuple(
        Teardown(**document | {part: tuple(document[part]) for part in ("hosts", "left")}) for document in documents
    )
