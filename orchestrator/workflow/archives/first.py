"""An archive before something ends: what can't be archived stays as it is."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from orchestrator.archive.manifest import Manifest
from orchestrator.errors import UserError, Where
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec, load
from orchestrator.spec.workshop import THIS_MACHINE
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.archive import Archived, archive
from orchestrator.workflow.context.report import Report

KEPT_AS, REQUIRED = "_archive", "required"  # in the state like a host: teardown must know it when the spec is gone
WITHOUT = "Put it right, or go on without one: --without-archive"


class Choice(Enum):
    """What a command line says about an archive."""

    AS_THE_SPEC_SAYS = auto()
    ALWAYS = auto()
    NEVER = auto()


def remember(state: State, *, required: bool) -> None:
    """What the spec says of a teardown."""
    if required != _is_required(state):
        state.deployed.record_applied(KEPT_AS, REQUIRED, "yes" if required else "no")


def before_teardown(
    folder: StateFolder, file: Path | None, settings: Settings, report: Report, choice: Choice
) -> Archived | None:
    """None: none is wanted. `file` is the spec; None: the one that the workshop was made from.

    Raises UserError `archive_failed` where something could not be had: what was is in the file that it names.
    """
    with State.read(folder) as state:
        wanted = choice is Choice.ALWAYS or (choice is Choice.AS_THE_SPEC_SAYS and _is_required(state))
        file = file or (state.meta.spec_path if state.meta else None)
        in_practice = [host.name for host in state.deployed.hosts()] == [THIS_MACHINE.name]
    if not wanted:
        return None
    why = "nothing was torn down, as the class could not be archived"
    try:
        spec = _spec(file, folder.name, in_practice=in_practice)
        made = archive(spec, settings, folder.path.parent, report)
    except UserError as problem:
        raise UserError("archive_failed", f"{why}: {problem.message}", where=problem.where, hint=WITHOUT) from None
    require_whole(made, why)
    return made


def _spec(file: Path | None, name: str, *, in_practice: bool) -> Spec:
    if file is None:
        raise UserError("state_unknown", "it is not known from which spec it was made")
    spec = load(file, practice=in_practice or None)
    if spec.workshop.name != name:
        raise UserError("state_renamed", f"it is now the spec of {spec.workshop.name}", where=Where(file=file))
    return spec


def require_whole(made: Archived, why: str) -> None:
    """Raises UserError `archive_failed` where something is missing in it; `why` says what is not done."""
    if not made.ok:
        raise UserError("archive_failed", f"{why}: {_lacking(made.manifest)}; the rest is in {made.file}", hint=WITHOUT)


def _lacking(manifest: Manifest) -> str:
    first, *others = manifest.missing
    more = f", and {len(others)} more" if others else ""
    return f"{first.what}: {first.why}{more}"


def _is_required(state: State) -> bool:
    return state.deployed.applied(KEPT_AS).get(REQUIRED) == "yes"
