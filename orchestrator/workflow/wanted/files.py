"""Files that the spec names, read for Open WebUI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.spec.loader import Spec


def content_of(spec: Spec, path: Path, limit: int, unusable: Callable[[str], UserError]) -> bytes:
    """All of it. Raises what `unusable` makes of the reason: it can't be read, or has more than `limit` bytes."""
    try:
        with spec.path(path).open("rb") as file:
            content = file.read(limit + 1)
    except OSError as problem:
        raise unusable(f"cannot read {path}: {(problem.strerror or 'no file').lower()}") from None
    if len(content) > limit:
        raise unusable(f"{path} is larger than {limit // 1024} KiB")
    return content
