"""Writes a first workshop.yaml."""

from __future__ import annotations

from pathlib import Path

from orchestrator import resources
from orchestrator.errors import UserError, Where

EXAMPLE = resources.TEMPLATES / "init" / "workshop.yaml"


def write_spec(file: Path) -> None:
    """Raises UserError `file_exists`, `not_writable`."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(EXAMPLE.read_text(encoding="utf-8"))
    except FileExistsError:
        raise UserError("file_exists", "is there already", where=Where(file=file), hint="Choose another name") from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise UserError(
            "not_writable", f"cannot be written: {reason}", where=Where(file=file), hint="Choose another folder"
        ) from None
