"""Which files the knowledge of workshop.yaml means: paths, folders and patterns, found on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SpecError, UserError
from orchestrator.spec import teams
from orchestrator.spec.document import Path_
from orchestrator.spec.loader import Spec
from orchestrator.spec.sections import Tls

READ = frozenset({
    *(".pdf", ".docx", ".pptx", ".xlsx", ".html", ".htm", ".md", ".markdown", ".txt", ".text", ".csv", ".tsv"),
    *(".rst", ".tex", ".json", ".yaml", ".yml", ".py", ".ipynb"),
})  # fmt: skip
"""What the packaged Open WebUI was seen to make text of."""
WILD = frozenset("*?[")
STATE = "state.sqlite3"  # in a workshop's own folder, which also has everybody's credentials


@dataclass(frozen=True, slots=True)
class KnowledgeFile:
    """`name`: its path below the folder of workshop.yaml, else below what the spec names; once in a collection."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class KnowledgeFiles:
    """A collection with the files that it means now, by name."""

    name: str
    description: str
    teams: tuple[str, ...] | None
    files: tuple[KnowledgeFile, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Of the whole spec. `left_out`: files of a type that is not read, each with its place."""

    collections: tuple[KnowledgeFiles, ...]
    left_out: tuple[tuple[Path_, str], ...]

    @property
    def count(self) -> int:
        """Files, in all collections."""
        return sum(len(collection.files) for collection in self.collections)


def find_knowledge(spec: Spec) -> Found:
    """Looks, and reads no file. Raises SpecError: what names nothing, or the same file twice."""
    problems: list[UserError] = []
    collections, left_out = [], []
    private = _private(spec) if spec.workshop.webui.knowledge else {}
    for index, section in enumerate(spec.workshop.webui.knowledge):
        found: dict[str, tuple[KnowledgeFile, str]] = {}
        for number, entry in enumerate(map(str, section.files)):  # Path takes no type of its own
            at: Path_ = ("webui", "knowledge", index, "files", number)
            files = files_meant(spec.folder, entry)
            if isinstance(files, str):
                problems.append(spec.problem(at, "knowledge_missing", files))
                continue
            if told := [(file.name, what) for file in files if (what := _told(file.path, private))]:
                name, what = told[0]
                message = f"{name} is {what}, and who may use it could read it"
                problems.append(spec.problem(at, "knowledge_private", message, "Keep it in another folder"))
            for file in files:
                other = found.setdefault(file.name, (file, entry))
                if other[0] is not file:
                    message = f"{file.name} is in this collection already, by {other[1]!r}"
                    problems.append(spec.problem(at, "knowledge_twice", message, "Name each file once"))
            left_out += [(at, file.name) for file in files if file.path.suffix.lower() not in READ]
        files_ = tuple(file for name, (file, _) in sorted(found.items()) if file.path.suffix.lower() in READ)
        open_to = teams.given(section.teams)
        collections.append(KnowledgeFiles(section.name, section.description or "", open_to, files_))
    if problems:
        raise SpecError(problems)
    return Found(tuple(collections), tuple(left_out))


def left_out(spec: Spec, found: Found) -> tuple[str, ...]:
    """A line for each place of the spec with files that will not be in Open WebUI."""
    by_place: dict[Path_, list[str]] = {}
    for at, name in found.left_out:
        by_place.setdefault(at, []).append(name)
    return tuple(
        f"{spec.file.name}:{spec.document.where(at).line or 0}: left out, since Open WebUI makes no text of such files:"
        f" {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"  # noqa: PLR2004 - enough to see which
        for at, names in by_place.items()
    )


def files_meant(folder: Path, entry: str) -> list[KnowledgeFile] | str:
    """Those that an entry of the list means, of any type, or what is wrong with it."""
    try:
        path = folder / Path(entry).expanduser()
        if path.is_file():
            return [KnowledgeFile(_name(path, folder, path.parent), path)]
        if path.is_dir():
            below = [KnowledgeFile(_name(file, folder, path), file) for file in sorted(_below(path))]
            return below or f"the folder {entry!r} has no files"
        if WILD & set(entry):
            matches = sorted(_matches(folder, entry))
            return [KnowledgeFile(_name(file, folder, file.parent), file) for file in matches] or (
                f"no file matches {entry!r}"
            )
    except (OSError, RuntimeError, ValueError, NotImplementedError) as problem:
        return f"{entry!r} cannot be looked at: {getattr(problem, 'strerror', None) or problem}"
    return f"there is no file or folder {entry!r}"


def _private(spec: Spec) -> dict[Path, str]:
    """Files that the spec names for other ends, and what each is."""
    found = {spec.file: "the spec"}
    workshop = spec.workshop
    if workshop.participants.roster:
        found[spec.path(workshop.participants.roster)] = "the roster, with everybody's mail"
    if workshop.inventory:
        found[spec.path(workshop.inventory.path)] = "the inventory"
    if isinstance(workshop.public.tls, Tls):
        found[spec.path(workshop.public.tls.key)] = "the certificate's private key"
    for _, reference in spec.secret_references():
        if reference.kind == "file":
            found[spec.path(Path(reference.name))] = "a secret"
    return {path.resolve(): what for path, what in found.items()}


def _told(path: Path, private: dict[Path, str]) -> str | None:
    """What it is, or lies in."""
    whole = path.resolve()
    return next((private[one] for one in (whole, *whole.parents) if one in private), None)


def _below(folder: Path) -> Iterator[Path]:
    """All but hidden ones and workshops' state. A link to a folder is not followed: it may lead round in a circle."""
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and not (Path(at) / name / STATE).exists()]
        yield from (Path(at) / name for name in files if not name.startswith(".") and (Path(at) / name).is_file())


def _matches(folder: Path, entry: str) -> Iterator[Path]:
    path = Path(entry).expanduser()
    root, pattern = (Path(path.anchor), str(path.relative_to(path.anchor))) if path.is_absolute() else (folder, entry)
    return (file for file in root.glob(pattern) if file.is_file() and not _is_hidden(file, root))


def _is_hidden(file: Path, root: Path) -> bool:
    parts = file.relative_to(root).parts
    above = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts))]
    return any(part.startswith(".") and part != ".." for part in parts) or any((at / STATE).exists() for at in above)


def _name(file: Path, folder: Path, named: Path) -> str:
    inside = file.is_relative_to(folder) and ".." not in file.relative_to(folder).parts
    return file.relative_to(folder if inside else named).as_posix()
