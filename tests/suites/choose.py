"""Which suites the changes since the last full run ask for. In doubt, all of them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.suites.suites import NAMES, SUITES, wanted_by

MARK = "tests/fully-tested"  # a commit's hash: all of `make test-all` was green there
SINCE = "1 day ago"


@dataclass(frozen=True)
class Base:
    commit: str
    why: str


@dataclass(frozen=True)
class Choice:
    """`why` has the chosen suites, in the order in which they run, each with its reason."""

    compared: str
    why: Mapping[str, str]

    @property
    def others(self) -> list[str]:
        return [name for name in NAMES if name not in self.why]


def choose(root: Path) -> Choice:
    base = base_of(root)
    asking = None if base is None else asked_for(root, base.commit)
    if base is None or asking is None:
        return Choice("no commit to compare with", dict.fromkeys(NAMES, "in doubt, everything"))
    return Choice(
        f"compared with {base.commit[:12]} ({base.why})", {name: _because(paths) for name, paths in asking.items()}
    )


def asked_for(root: Path, commit: str) -> Mapping[str, list[str]] | None:
    """The suites that test what has changed since this commit, with the files; None: there is no such commit."""
    changed = _git(root, "diff", "--name-only", "--no-renames", "-z", commit)
    if changed is None:
        return None
    asking: dict[str, list[str]] = {name: [] for name in NAMES}
    for path in filter(None, changed.split("\0")):
        for name in dict.fromkeys((*wanted_by(path), *_who_imports(root, path))):
            asking[name].append(path)
    return {name: paths for name, paths in asking.items() if paths}


def base_of(root: Path) -> Base | None:
    """The commit that was fully tested, or that of yesterday. None where neither is here, as in a shallow clone."""
    mark = root / MARK
    marked = mark.read_text(encoding="utf-8").strip() if mark.is_file() else ""
    if marked and _git(root, "cat-file", "-e", f"{marked}^{{commit}}") is not None:
        return Base(marked, f"{MARK} says that it is fully tested")
    yesterday = (_git(root, "rev-list", "-1", f"--before={SINCE}", "HEAD") or "").strip()
    if not yesterday or yesterday == (_git(root, "rev-parse", "HEAD") or "").strip():
        return None  # that nothing is new since then does not say that it was ever tested
    return Base(yesterday, f"the newest of {SINCE}, for {MARK} names no commit that is here")


def _who_imports(root: Path, path: str) -> list[str]:
    """The suites whose files name this one, where it is one that tests share."""
    file = PurePosixPath(path)
    if file.parts[0] != "tests" or file.suffix != ".py" or file.name.startswith("test_") or file.stem == "conftest":
        return []
    line = re.compile(rf"^\s*(from|import) .*\b{re.escape(file.stem)}\b", re.MULTILINE)
    return [
        suite.name
        for suite in SUITES
        if any(line.search(other.read_text(encoding="utf-8")) for other in suite.files(root))
    ]


def _because(paths: list[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more} changed"


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None where it fails, or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
