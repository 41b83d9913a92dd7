"""The file that is sent: texts, each through the same redaction, packed for its owner alone."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

from orchestrator.durable import replace_file
from orchestrator.errors import WorkshopError
from orchestrator.redaction.redactor import Redactor
from orchestrator.state.failures import refusals_explained

LONGEST = 2_000_000  # characters of one text; the end counts
MODE = 0o600


def write_bundle(file: Path, folder: str, texts: Mapping[str, str], redactor: Redactor) -> dict[str, int]:
    """A .tar.gz in which everything lies below `folder`; the names and sizes of what is in it.

    Raises UserError for what the disk refuses; WorkshopError, and writes nothing, where a known secret would be in it.
    """
    redacted = {redactor.text(name): redactor.text(text)[-LONGEST:] for name, text in sorted(texts.items())}
    for name, text in redacted.items():
        if redactor.knows(text) or redactor.knows(name):
            raise WorkshopError(f"a secret stayed in {name}: the bundle was not written")
    with refusals_explained(file):
        replace_file(file, _packed(folder, redacted), MODE)
    return {name: len(text.encode()) for name, text in redacted.items()}


def last_lines(text: str, most: int) -> str:
    """The last ones that are there as a whole, in at most so many characters: half a secret would not be known."""
    return text if len(text) <= most else text[-most:].partition("\n")[2]


def _packed(folder: str, texts: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in texts.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), MODE, int(time.time())
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
