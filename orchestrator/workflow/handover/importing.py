"""Takes over a workshop from the file that somebody else exported: the spec into a folder, the state beside it."""

from __future__ import annotations

import errno
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path

from pydantic import SecretStr

from orchestrator.aside import folder_aside
from orchestrator.durable import sync_folder, whole_file
from orchestrator.errors import UserError, Where
from orchestrator.handover.contents import SPEC, STATE, Manifest, invalid
from orchestrator.handover.packed import FILE_MODE, Unpacker
from orchestrator.handover.sealed import read_salt, unseal
from orchestrator.settings import Settings
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import BESIDE_SPEC, PRIVATE_FOLDER, StateFolder
from orchestrator.state.kept_aside import keep_aside
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.handover.places import Places, find_places

Ask = Callable[[], SecretStr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    manifest: Manifest
    spec: Path
    state: Path
    kept: tuple[Path, ...] = ()  # what was there before, where it lies now
    notes: tuple[str, ...] = ()


def import_(
    file: Path, settings: Settings, to: Path | None, state_dir: Path | None, ask: Ask, *, replace: bool
) -> Imported:
    """`to` is the folder for the spec; absent: NAME in this one, or with `replace` where that deployment lies.

    `ask` gives the passphrase. The state appears by one rename, after everything else: interrupted before, there is
    none, and the same command goes on. Raises UserError `state_exists`, `spec_differs` before anything was changed,
    and what `handover` raises.
    """
    with _opened(file, ask) as unpacker:
        places = find_places(unpacker.manifest, to, state_dir or settings.state_dir, replace=replace)
        if not replace:
            _require_no_state(places, file)
        with _unpacking(places), refusals_explained(places.base):
            unpacker.write_to(places.own)
            return _install(places, file, replace=replace)


def _install(places: Places, file: Path, *, replace: bool) -> Imported:
    """From the folder where it was unpacked, whole and proven, to where it goes on."""
    spec_own, state_own = places.own / SPEC, places.own / STATE
    notes = _rebind(StateFolder(state_own), places, file)
    changes = [name for name in places.spec_files if not _is_same(places.folder / name, spec_own / name)]
    in_the_way = [name for name in changes if (places.folder / name).exists() or (places.folder / name).is_symlink()]
    if in_the_way and not replace:
        message = f"{', '.join(in_the_way)}: there already, and not the same as what was exported"
        hint = f"Import elsewhere (--to DIR), or keep the old ones aside: {places.replacing(file)}"
        raise UserError("spec_differs", message, where=Where(file=places.folder), hint=hint)
    kept = []
    with ExitStack() as stack:
        if places.state.path.exists():
            stack.enter_context(workshop_lock(places.state, "state import", handed_over=True, alone=True))
        for name in changes:
            target = places.folder / name
            if name in in_the_way:
                kept.append(_kept(target, places.folder / BESIDE_SPEC, places, name))
            target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            _move(spec_own / name, target)
            sync_folder(target.parent)
        if places.state.path.exists():
            kept.append(_kept(places.state.path, places.base, places, places.state.name))
        state_own.rename(places.state.path)
        sync_folder(places.base)
    if replace and not kept:
        notes = (*notes, f"There was nothing to replace in {places.folder}; --to DIR names another folder")
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


def _require_no_state(places: Places, file: Path) -> None:
    folder = places.state
    if folder.has_state or folder.secret.exists():
        message = "there is a state of this workshop here already"
        hint = f"Import elsewhere (--to DIR), or keep this one aside: {places.replacing(file)}"
        raise UserError("state_exists", message, where=Where(file=folder.path), hint=hint)


@contextmanager
def _unpacking(places: Places) -> Iterator[None]:
    """A private folder to unpack in, which nobody else has; what a killed import left there is taken away first."""
    made = [path for path in (places.base, places.folder) if not path.exists()]
    with ExitStack() as stack:
        with refusals_explained(places.base):
            try:
                stack.enter_context(folder_aside(places.own))
            except BlockingIOError:
                message, hint = "another import of this workshop is at work here", "Wait for it to end"
                raise UserError("lock_held", message, where=Where(file=places.base), hint=hint) from None
        try:
            yield
        finally:
            stack.close()
            for path in made:
                _remove_if_empty(path)


def _rebind(folder: StateFolder, places: Places, file: Path) -> tuple[str, ...]:
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


def _kept(path: Path, base: Path, places: Places, name: str) -> Path:
    return keep_aside(path, base, places.manifest.workshop, places.stamp, name)


def _move(file: Path, target: Path) -> None:
    """The states may lie on another disk than the spec."""
    try:
        file.replace(target)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        with file.open("rb") as source, whole_file(target, FILE_MODE) as copy:
            shutil.copyfileobj(source, copy)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
