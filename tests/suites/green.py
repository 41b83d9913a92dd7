"""Which suites were green, and at which commit: once nothing that they test has changed in any, all is fully tested.

So a suite that failed for a slip in a test runs again, not the two hours before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.suites.choose import asked_for
from tests.suites.suites import CACHE, NAMES

FOLDER = CACHE / "green"  # a file for each suite, with a commit


def note(root: Path, suites: Iterable[str], commit: str) -> None:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for name in suites:
        (root / FOLDER / name).write_text(commit, encoding="utf-8")


def forget(root: Path, suites: Iterable[str]) -> None:
    for name in suites:
        (root / FOLDER / name).unlink(missing_ok=True)


def missing(root: Path) -> list[str]:
    """The suites that were not green yet, or whose subject has changed since."""
    return [name for name in NAMES if not _still(root, name)]


def _still(root: Path, name: str) -> bool:
    file = root / FOLDER / name
    changed = asked_for(root, file.read_text(encoding="utf-8")) if file.is_file() else None
    return changed is not None and name not in changed
