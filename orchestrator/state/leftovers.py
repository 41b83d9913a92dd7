"""What killed commands left in a workshop's folder and beside it: taken away when the workshop's lock is taken.

Some write there without that lock (`archive`, `doctor`, the collection of usage), so each file has one of its own:
orchestrator/aside.py.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from orchestrator.aside import OURS, remove_dead, sweep
from orchestrator.state.folder import StateFolder

EXPORT = ".export"  # copies of databases, while they are packed
_EARLIER = re.compile(r"\..+\.new|lock\.new|\.secret\.[0-9]+|\..+\.tar", re.DOTALL)  # as older versions named them


def import_folder(base: Path, workshop: str) -> Path:
    """Where an import unpacks; `base` is the folder of states."""
    return base / f".import-{workshop}"


def sweep_state(folder: StateFolder) -> None:
    """For whoever holds the workshop's lock. What cannot be removed stays, and is no error."""
    remove_dead(folder.path / EXPORT)
    remove_dead(import_folder(folder.path.parent, folder.name))
    with suppress(OSError):
        for place, folders, files in os.walk(folder.path):
            for name in [name for name in (*folders, *files) if OURS.fullmatch(name)]:
                remove_dead(Path(place, name))
    for part in _parts(folder):
        with suppress(OSError), os.scandir(part) as entries:
            for name in [entry.name for entry in entries if _EARLIER.fullmatch(entry.name) and entry.is_file()]:
                remove_dead(part / name)


def sweep_archives(folder: StateFolder) -> None:
    """For who writes there and takes no lock."""
    sweep(folder.archives)


def _parts(folder: StateFolder) -> tuple[Path, ...]:
    """Where the program writes files of its own, but for copies of stacks: what is not wanted there goes anyway."""
    return (
        folder.path,
        *(folder.tls, folder.edges, folder.provider_keys, folder.handouts, folder.archives, folder.usage),
        *(folder.rehearsals, folder.rendered, folder.rendered / ".cache"),
    )
