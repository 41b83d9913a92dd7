"""What an import with --replace moved out of its way: an old state with its secret, old files beside the spec.

It lies in `.before-import/TIME-NAME/` of the folder of states, and of the spec's own where that is another one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path

from orchestrator.durable import sync_folder
from orchestrator.state.folder import BESIDE_SPEC, PRIVATE_FOLDER, StateFolder

KEPT = ".before-import"
_NAMED = re.compile(r"(\d{8}T\d{6})(?:-(.+))?")


@dataclass(frozen=True, slots=True)
class KeptAside:
    """Of one import."""

    path: Path
    state: StateFolder | None  # the old one

    def __str__(self) -> str:
        what = "what an import replaced"
        return f"{self.path}: {what}, with an old secret" if self.state else f"{self.path}: {what}"


def keep_aside(path: Path, base: Path, workshop: str, stamp: str, name: str) -> Path:
    """Move it to `name` in a folder that git does not see; where it lies now. Nothing is deleted."""
    kept = base / KEPT
    target = kept / f"{stamp}-{workshop}" / name
    target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    (kept / ".gitignore").write_text("*\n", encoding="utf-8")
    path.rename(target)
    sync_folder(target.parent)
    return target


def kept_aside(folder: StateFolder, spec: Path | None) -> tuple[KeptAside, ...]:
    """All that imports of this workshop replaced; `spec` is its file, where that is known."""
    bases = {folder.path.parent, *([spec.absolute().parent / BESIDE_SPEC] if spec else [])}
    places = [place for base in sorted(bases) if (base / KEPT).is_dir() for place in sorted((base / KEPT).iterdir())]
    found = []
    for place in places:
        named, state = _NAMED.fullmatch(place.name), StateFolder(place / folder.name)
        has_state = state.secret.exists() or state.has_state
        if named and place.is_dir() and (named[2] == folder.name or (named[2] is None and has_state)):
            found.append(KeptAside(place, state if has_state else None))
    return tuple(found)


def remove_kept(folder: StateFolder, kept: Iterable[KeptAside]) -> tuple[Path, ...]:
    """For good, but for archives and usage that lie there alone: they go to the others, and are given back."""
    moved: list[Path] = []
    for one in kept:
        if one.state:
            parts = ((one.state.archives, folder.archives), (one.state.usage, folder.usage))
            moved += [new for old, new in parts for new in _moved(old, new, one.path.name)]
        shutil.rmtree(one.path, ignore_errors=True)
        if {path.name for path in one.path.parent.iterdir()} <= {".gitignore"}:
            shutil.rmtree(one.path.parent, ignore_errors=True)
    return tuple(moved)


def _moved(there: Path, place: Path, stamp: str) -> list[Path]:
    """The files of a folder, each under its own name unless another file has that."""
    found = []
    for file in sorted(there.iterdir()) if there.is_dir() else ():
        target = place / file.name
        is_usage = file.suffix == ".sqlite3"  # the one here has gone on from that one
        if not file.is_file() or (target.exists() and (is_usage or cmp(file, target, shallow=False))):
            continue
        target = place / f"{stamp}-{file.name}" if target.exists() else target
        place.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        file.rename(target)
        found.append(target)
    return found
