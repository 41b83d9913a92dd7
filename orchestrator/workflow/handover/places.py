"""Where an import puts the spec and the state; with --replace that is where they lay before."""

from __future__ import annotations

import shlex
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.handover.contents import SPEC, Manifest
from orchestrator.state.folder import BESIDE_SPEC, StateFolder
from orchestrator.state.leftovers import import_folder
from orchestrator.state.state import Meta, State


@dataclass(frozen=True, slots=True)
class Places:
    """Unpacking happens in `own`, on the disk of the states, so that a rename ends it."""

    manifest: Manifest
    folder: Path  # of the spec
    base: Path  # of states
    stamp: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y%m%dT%H%M%S"))

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.base / self.manifest.workshop)

    @property
    def spec(self) -> Path:
        return self.folder / self.manifest.spec

    @property
    def own(self) -> Path:
        return import_folder(self.base, self.manifest.workshop)

    @property
    def spec_files(self) -> tuple[str, ...]:
        """Relative to the spec's folder; the spec itself last."""
        names = (entry.name for entry in self.manifest.entries if entry.name.startswith(f"{SPEC}/"))
        return tuple(name.removeprefix(f"{SPEC}/") for name in sorted(names, key=self.manifest.spec_entry.__eq__))

    def replacing(self, file: Path) -> str:
        """The command that imports to these places and keeps aside what is there, whole, for a shell."""
        words = ["workshop", "state", "import", str(file.absolute()), "--to", str(self.folder)]
        words += ["--state-dir", str(self.base)] if self.base != self.folder / BESIDE_SPEC else []
        return shlex.join([*words, "--replace"])


def find_places(manifest: Manifest, to: Path | None, state_dir: Path | None, *, replace: bool) -> Places:
    """`to` and `state_dir` are as they were given; without `to` it is NAME here, or what is to be replaced."""
    before = _before(manifest, state_dir) if replace and to is None else None
    folder = (to or before or Path(manifest.workshop)).absolute()
    return Places(manifest, folder, (state_dir or folder / BESIDE_SPEC).absolute())


def _before(manifest: Manifest, state_dir: Path | None) -> Path | None:
    """The folder of the spec whose deployment this is: of the state that was named, here, in NAME, or whence it came.

    One that was handed over goes before others.
    """
    if state_dir:
        meta = _meta(StateFolder(state_dir.absolute() / manifest.workshop), manifest)
        return meta.spec_path.parent if meta and meta.spec_path.parent.is_dir() else None
    folders = [Path.cwd(), Path(manifest.workshop).absolute()]
    if manifest.folder and manifest.who.rpartition("@")[2] == socket.gethostname():
        folders.append(Path(manifest.folder))
    states = {folder: StateFolder(folder / BESIDE_SPEC / manifest.workshop) for folder in folders}
    there = [folder for folder, state in states.items() if _meta(state, manifest)]
    return next(iter(sorted(there, key=lambda folder: not states[folder].handed_over.exists())), None)


def _meta(folder: StateFolder, manifest: Manifest) -> Meta | None:
    """Of a state that is of the same deployment."""
    try:
        if not folder.has_state:
            return None
        with State.read(folder) as state:
            meta = state.meta
    except UserError:  # somebody else's, or damaged: not to be found by looking around
        return None
    return meta if meta and meta.deployment_id == manifest.deployment_id else None
