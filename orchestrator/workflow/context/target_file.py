"""A file that the user wants written where they say: an export, an archive of images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import UserError, Where


def require_new(file: Path) -> None:
    """Raises UserError `file_exists`, or `not_writable` where there is no folder for it."""
    if file.exists():
        hint = "Choose another name with --to FILE"
        raise UserError("file_exists", "is there already", where=Where(file=file), hint=hint)
    if not file.parent.is_dir():
        raise UserError("not_writable", "is not a folder", where=Where(file=file.parent), hint="Make it first")


@contextmanager
def disk_explained(file: Path, what: str) -> Iterator[None]:
    """What the disk says, as UserError `not_writable`. `what` would have happened: exported, saved."""
    try:
        yield
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        hint = f"Nothing was {what}; choose another place with --to FILE"
        raise UserError("not_writable", reason, where=Where(file=file), hint=hint) from None
