"""The spec that a running class goes by: as it was last applied, whatever its file says by now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from orchestrator.errors import SpecError, UserError, Where
from orchestrator.settings import Settings
from orchestrator.spec.document import read_document, read_text
from orchestrator.spec.kept import KeptSpec
from orchestrator.spec.loader import Spec, load
from orchestrator.state.folder import BESIDE_SPEC, StateFolder
from orchestrator.state.state import State


@dataclass(frozen=True, slots=True)
class InForce:
    """`remark` is that the file says something else by now, or can't be read; None: it says the same."""

    spec: Spec
    remark: str | None = None


def spec_in_force(file: Path, settings: Settings, state_dir: Path | None, *, practice: bool | None = None) -> InForce:
    """What was applied last; the file where nothing was, or by a version that kept none.

    Raises SpecError where there is neither, and UserError `state_ambiguous`.
    """
    file = file.absolute()
    text = _text_of(file)
    kept = _kept(file, text, (state_dir or settings.state_dir or file.parent / BESIDE_SPEC).absolute())
    if kept is None:
        return InForce(load(file, practice=practice))
    try:
        spec = kept.restored(file)
    except ValidationError:  # of another version of this program
        return InForce(load(file, practice=practice))
    return InForce(spec, kept.remark(file, text))


def _kept(file: Path, text: str | None, base: Path) -> KeptSpec | None:
    """That of the workshop which the file names; if it can't be read, of the one that was made from it."""
    found = dict(_made_from(file, base))
    unchanged = [kept for kept in found.values() if kept.text == text]  # which then need not be parsed
    if len(unchanged) == 1:
        return unchanged[0]
    named = _name_in(file, text)
    if named and (folder := StateFolder(base / named)).has_state:
        with State.read(folder) as state:
            return state.spec.kept
    if len(found) > 1:
        names = ", ".join(sorted(found))
        message = f"cannot tell which workshop: it has been {names}, and it can't be read now"
        raise UserError("state_ambiguous", message, where=Where(file=file), hint="Put right its name:")
    return next(iter(found.values()), None)


def _text_of(file: Path) -> str | None:
    """None where it can't be read."""
    try:
        return read_text(file)
    except SpecError:
        return None


def _name_in(file: Path, text: str | None) -> str | None:
    try:
        data = read_document(file, text or "").data
    except SpecError:
        return None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and StateFolder.is_name(name) else None


def _made_from(file: Path, base: Path) -> Iterator[tuple[str, KeptSpec]]:
    for entry in sorted(base.iterdir()) if base.is_dir() else ():
        folder = StateFolder(entry)
        if entry.is_dir() and folder.has_state:
            with State.read(folder) as state:
                kept = state.spec.kept
                if kept and state.meta and state.meta.spec_path == file:
                    yield folder.name, kept
