"""Takes over a workshop from the file that somebody else exported: the spec into a folder, the state beside it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from filecmp import cmp
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import SecretStr

from orchestrator.durable import sync_folder
from orchestrator.errors import UserError, Where
from orchestrator.handover.contents import SPEC, STATE, Manifest, invalid
from orchestrator.handover.packed import Unpacker
from orchestrator.handover.sealed import read_salt, unseal
from orchestrator.settings import Settings
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import BESIDE_SPEC, PRIVATE_FOLDER, StateFolder
from orchestrator.state.lock import WorkshopLock
from orchestrator.state.state import State

KEPT = ".before-import"  # what was there before, by time; nothing is ever deleted from it
Ask = Callable[[], SecretStr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    manifest: Manifest
    spec: Path
    state: Path
    kept: tuple[Path, ...] = ()  # what was there before, where it lies now
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Places:
    """Where things go. Unpacking happens in `own`, on the same disks, so that a rename ends it."""

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
    def own(self) -> tuple[Path, Path]:
        """For the spec's files, and for the state's."""
        name = f".import-{self.manifest.workshop}"
        return self.folder / BESIDE_SPEC / name, self.base / name

    @property
    def spec_files(self) -> tuple[str, ...]:
        """Relative to the spec's folder; the spec itself last."""
        names = (entry.name for entry in self.manifest.entries if entry.name.startswith(f"{SPEC}/"))
        return tuple(name.removeprefix(f"{SPEC}/") for name in sorted(names, key=self.manifest.spec_entry.__eq__))


def import_(
    file: Path, settings: Settings, to: Path | None, state_dir: Path | None, ask: Ask, *, replace: bool
) -> Imported:
    """`to` is the folder for the spec; absent: NAME in this one. `ask` gives the passphrase.

    The state appears by one rename, after everything else: interrupted before, there is none, and the same command
    goes on. Raises UserError `state_exists`, `spec_differs` before anything was changed, and what `handover` raises.
    """
    with _opened(file, ask) as unpacker:
        manifest = unpacker.manifest
        folder = (to or Path(manifest.workshop)).absolute()
        places = _Places(manifest, folder, (state_dir or settings.state_dir or folder / BESIDE_SPEC).absolute())
        if not replace:
            _require_no_state(places.state)
        with _unpacking(places), refusals_explained(places.base):
            unpacker.write_to(places.own[1])
            return _install(places, file, replace=replace)


def _install(places: _Places, file: Path, *, replace: bool) -> Imported:
    """From the folder where it was unpacked, whole and proven, to where it goes on."""
    spec_own, state_own = (own / part for own, part in zip(places.own, (SPEC, STATE), strict=True))
    if not spec_own.exists():  # the states lie on another disk, maybe
        shutil.copytree(places.own[1] / SPEC, spec_own)
    notes = _rebind(StateFolder(state_own), places, file)
    changes = [name for name in places.spec_files if not _is_same(places.folder / name, spec_own / name)]
    in_the_way = [name for name in changes if (places.folder / name).exists() or (places.folder / name).is_symlink()]
    if in_the_way and not replace:
        message = f"{', '.join(in_the_way)}: there already, and not the same as what was exported"
        hint = "Import elsewhere (--to DIR), or with --replace, which keeps the old ones aside"
        raise UserError("spec_differs", message, where=Where(file=places.folder), hint=hint)
    kept = []
    with ExitStack() as stack:
        if places.state.path.exists():
            stack.enter_context(WorkshopLock(places.state, "state import", handed_over=True))
        for name in changes:
            target = places.folder / name
            if name in in_the_way:
                kept.append(_keep(target, places.folder / BESIDE_SPEC, places.stamp, name))
            target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            (spec_own / name).replace(target)
            sync_folder(target.parent)
        if places.state.path.exists():
            kept.append(_keep(places.state.path, places.base, places.stamp, places.state.name))
        state_own.rename(places.state.path)
        sync_folder(places.base)
    return Imported(manifest=places.manifest, spec=places.spec, state=places.state.path, kept=tuple(kept), notes=notes)


@contextmanager
def _opened(file: Path, ask: Ask) -> Iterator[Unpacker]:
    where = Where(file=file)
    try:
        with file.open("rb") as stream:
            salt, check = read_salt(stream)
            yield Unpacker(unseal(stream, salt, check, ask()))
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise UserError("file_unreadable", f"cannot be read: {reason}", where=where, hint="Give its path") from None
    except UserError as problem:
        if problem.where == Where():
            problem.where = where
        raise


def _require_no_state(folder: StateFolder) -> None:
    if folder.has_state or folder.secret.exists():
        message = "there is a state of this workshop here already"
        hint = "Import elsewhere (--to DIR), or with --replace, which keeps this one aside"
        raise UserError("state_exists", message, where=Where(file=folder.path), hint=hint)


@contextmanager
def _unpacking(places: _Places) -> Iterator[None]:
    """Private folders to unpack in, which nobody else has; what a killed import left there is taken away first."""
    made = [path for path in (places.base, places.folder / BESIDE_SPEC, places.folder) if not path.exists()]
    with refusals_explained(places.base):
        for own in places.own:
            own.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = FileLock(places.own[1] / "lock", mode=0o600)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            message, hint = "another import of this workshop is at work here", "Wait for it to end"
            raise UserError("lock_held", message, where=Where(file=places.base), hint=hint) from None
        try:
            for part in {own / name for own in places.own for name in (STATE, SPEC)}:
                shutil.rmtree(part, ignore_errors=True)
            yield
        finally:
            for own in places.own:
                shutil.rmtree(own, ignore_errors=True)
            lock.release()
            for path in made:
                _remove_if_empty(path)


def _rebind(folder: StateFolder, places: _Places, file: Path) -> tuple[str, ...]:
    """It knows where it lies now, and whence it came; what must be said of that."""
    manifest = places.manifest
    with State.open(folder) as state:
        meta = state.meta
        if meta is None or (meta.name, meta.deployment_id) != (manifest.workshop, manifest.deployment_id):
            raise invalid("its state is another workshop's")
        with state.transaction():
            state.begin(manifest.workshop, places.spec)
            state.events.add("state import", f"from {file.absolute()}, exported by {manifest.who} on {manifest.at}")
        local = [host.name for host in state.deployed.hosts() if host.connection == "local"]
    return (*_copies(manifest), *_elsewhere(manifest, local))


def _copies(manifest: Manifest) -> tuple[str, ...]:
    if manifest.handed_over:
        return ()
    return (f"This is a copy: only one of you may change the class from now on, you or {manifest.who}",)


def _elsewhere(manifest: Manifest, local: Sequence[str]) -> tuple[str, ...]:
    machine = manifest.who.rpartition("@")[2]
    if not local or machine == socket.gethostname():
        return ()
    return (f"{', '.join(local)}: runs on {machine} itself, and is reached from there only",)


def _is_same(there: Path, new: Path) -> bool:
    return there.is_file() and cmp(there, new, shallow=False)


def _keep(path: Path, base: Path, stamp: str, name: str) -> Path:
    """Aside, in a folder that git does not see."""
    kept = base / KEPT
    target = kept / stamp / name
    target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    (kept / ".gitignore").write_text("*\n", encoding="utf-8")
    path.rename(target)
    sync_folder(target.parent)
    return target


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
