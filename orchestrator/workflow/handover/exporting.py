"""Writes all that somebody else needs to go on with a running workshop into one encrypted file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from orchestrator.aside import folder_aside
from orchestrator.durable import new_file
from orchestrator.errors import UserError, Where
from orchestrator.handover.contents import STATE, Entry, LeftOut, Manifest, is_acceptable, require_acceptable
from orchestrator.handover.named import A_SECRET, named_by
from orchestrator.handover.packed import pack
from orchestrator.handover.passphrase import require_long
from orchestrator.handover.sealed import seal
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.clock import utc_now
from orchestrator.state.database import Database
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import StateFolder
from orchestrator.state.handed_over import HandedOver, hand_over
from orchestrator.state.leftovers import EXPORT
from orchestrator.state.lock import who_is_here, workshop_lock
from orchestrator.state.state import Meta, State
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.target_file import disk_explained, require_new

FILE_MODE = 0o600
Ask = Callable[[], SecretStr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says."""

    to: Path | None = None  # absent: NAME.workshop in this folder
    with_secrets: bool = False
    hand_over: bool = False  # commands here refuse from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    workshop: str
    file: Path
    size: int  # bytes
    handed_over: bool
    included: tuple[str, ...]  # of the spec's folder
    left_out: tuple[LeftOut, ...]
    secrets: tuple[str, ...]  # references that the other one has to provide


def export(spec: Spec, settings: Settings, state_dir: Path | None, asked: Asked, ask: Ask) -> Exported:
    """`ask` gives the passphrase, once it is clear that there is something to lock.

    Raises UserError `not_provisioned`, `file_exists`, `handed_over`, `passphrase_short` and others; then nothing was
    written and nothing handed over.
    """
    folder, workshop = state_folder(spec, state_dir, settings), spec.workshop.name
    file = (asked.to or Path(f"{workshop}.workshop")).absolute()
    with State.read(folder) as before:
        before.secret  # noqa: B018 - raises where nothing was provisioned
    require_new(file)
    named = named_by(spec, with_secrets=asked.with_secrets)
    passphrase = ask()
    require_long(passphrase)
    with (
        workshop_lock(folder, "state export", alone=True),
        State.open(folder) as state,
        _copies(folder, asked) as copies,
    ):
        files = {f"{STATE}/{name}": path for name, path in copies.items()} | named.files
        at, who = utc_now(), who_is_here()
        left_out = (*named.left_out, *_keys_left_out(state, files))
        manifest = Manifest(
            workshop=workshop,
            deployment_id=_begun(state, folder).deployment_id,
            at=at,
            who=who,
            handed_over=asked.hand_over,
            spec=spec.file.name,
            folder=str(spec.folder),
            left_out=list(left_out),
            secrets=list(named.secrets),
            entries=[Entry(name=name, size=_size(path)) for name, path in files.items()],
        )
        require_acceptable(manifest)
        with disk_explained(file, "exported"):
            size = new_file(file, seal(pack(manifest, tuple(files.values())), passphrase), FILE_MODE)
        if asked.hand_over:
            hand_over(folder, HandedOver(at, who, str(file)))
        state.events.add("state export", f"{'handed over' if asked.hand_over else 'a copy'} by {who}, as {file}")
    return Exported(
        workshop=workshop,
        file=file,
        size=size,
        handed_over=asked.hand_over,
        included=tuple(name.partition("/")[2] for name in named.files),
        left_out=left_out,
        secrets=named.secrets,
    )


def _begun(state: State, folder: StateFolder) -> Meta:
    if state.meta is None:
        message, hint = "nothing of this workshop was deployed yet", "Run `provision SPEC` first."
        raise UserError("not_provisioned", message, where=Where(file=folder.path), hint=hint)
    return state.meta


def _keys_left_out(state: State, files: Mapping[str, Path]) -> Iterator[LeftOut]:
    """Keys of providers that commands brought: they open more than the class."""
    keys = state.folder.provider_keys.name
    for name, override in state.connections.all().items():
        if override.key_given and f"{STATE}/{keys}/{name}" not in files:
            yield LeftOut(what=f"the key of the connection {name}", why=A_SECRET)


@contextmanager
def _copies(folder: StateFolder, asked: Asked) -> Iterator[dict[str, Path]]:
    """All of the state that cannot be made again, by name; databases as they are now, copied inside the folder."""
    below = [folder.tls, *([folder.provider_keys] if asked.with_secrets else [])]
    found = [folder.teardowns, *(file for part in below for file in sorted(part.rglob("*")))]
    files = [folder.secret, *(file for file in found if file.is_file())]
    databases = [folder.database, *sorted(folder.usage.glob("*.sqlite3"))]
    names = {file: str(file.relative_to(folder.path)) for file in (*files, *databases)}
    names = {file: name for file, name in names.items() if is_acceptable(f"{STATE}/{name}")}  # not what a crash left
    with refusals_explained(folder.path):
        copies = ExitStack()
        aside = copies.enter_context(folder_aside(folder.path / EXPORT))
    with copies:
        there = {}
        for file, name in names.items():
            if file in databases:
                Database.copy(file, aside / file.name)
            there[name] = aside / file.name if file in databases else file
        yield there


def _size(path: Path) -> int:
    with disk_explained(path, "exported"):
        return path.stat().st_size
