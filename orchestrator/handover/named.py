"""The files that a spec names, wherever in it: what goes into an export, and what stays out and why."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator.errors import UserError, Where
from orchestrator.handover.contents import SPEC, LeftOut, is_acceptable
from orchestrator.handover.inventory_files import inventory_files
from orchestrator.spec.hosts import Host
from orchestrator.spec.loader import Spec
from orchestrator.spec.values import SecretReference

ELSEWHERE = "it lies outside the spec's folder"
ABSOLUTE = "its path is absolute, so it is looked for at the same place"
MISSING = "there is no such file"
UNTAKEN = "its name is not taken into an export"
A_SECRET = "it is a secret; --with-secrets includes it"  # noqa: S105 - no password

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Named:
    """By entry's name, in their order; and references that the receiver has to provide."""

    files: dict[str, Path]
    left_out: tuple[LeftOut, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Mention:
    path: Path
    is_secret: bool


def named_by(spec: Spec, *, with_secrets: bool) -> Named:
    """The spec itself, and every file below its folder that it names. Raises UserError `file_unreadable`."""
    inventory = spec.workshop.inventory
    mentions = {mention.path: mention for mention in _paths(spec.workshop)}
    files, left_out = {f"{SPEC}/{spec.file.name}": spec.file}, []
    for path, mention in sorted(mentions.items()):
        why = A_SECRET if mention.is_secret and not with_secrets else _why_not(spec.folder, path)
        if why:
            left_out.append(LeftOut(what=str(path), why=why))
            continue
        found: Iterable[tuple[Path, str | None]] = ((file, None) for file in _files(spec.folder / path))
        if inventory and path == inventory.path:
            found = inventory_files(spec.folder / path, with_secrets=with_secrets, secret=A_SECRET)
        for file, aside in found:
            name = str(file.relative_to(spec.folder))
            if aside:
                left_out.append(LeftOut(what=name, why=aside))
            else:
                files[f"{SPEC}/{name}"] = file
    taken = {name: file for name, file in files.items() if is_acceptable(name)}
    untaken = (name.partition("/")[2] for name in sorted(files.keys() - taken.keys()))
    left_out += [LeftOut(what=name.encode(errors="replace").decode(), why=UNTAKEN) for name in untaken]
    needed = {r for r in _of_type(spec.workshop, SecretReference) if f"{SPEC}/{Path(r.name)}" not in taken}
    return Named(taken, tuple(left_out), tuple(sorted(f"${{{one.kind}:{one.name}}}" for one in needed)))


def _paths(workshop: BaseModel) -> Iterator[_Mention]:
    """An SSH key opens more than the class, so it is a secret like the others."""
    keys = {host.key for host in _of_type(workshop, Host) if host.key}
    yield from (_Mention(path, is_secret=path in keys) for path in _of_type(workshop, Path))
    for reference in _of_type(workshop, SecretReference):
        if reference.kind == "file":
            yield _Mention(Path(reference.name), is_secret=True)


def _of_type(value: Any, kind: type[T]) -> Iterator[T]:
    """Every value of that type, at any depth, so that no field has to be named here."""
    if isinstance(value, kind):
        yield value
    inner: Iterable[Any] = ()
    if isinstance(value, BaseModel):
        inner = (getattr(value, name) for name in type(value).model_fields)
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        inner = value
    for one in inner:
        yield from _of_type(one, kind)


def _why_not(folder: Path, path: Path) -> str | None:
    if path.expanduser().is_absolute():
        return ABSOLUTE
    if ".." in path.parts:
        return ELSEWHERE
    return None if (folder / path).exists() else MISSING


def _files(path: Path) -> Iterator[Path]:
    """The file, or all in the folder; a link is what it leads to, but no folder is entered through one."""
    if path.is_file():
        yield path
        return
    for here, _, names in os.walk(path, onerror=_unreadable):
        yield from (Path(here, name) for name in sorted(names) if Path(here, name).is_file())


def _unreadable(problem: OSError) -> None:
    reason = (problem.strerror or str(problem)).lower()
    raise UserError("file_unreadable", f"cannot be read: {reason}", where=Where(file=Path(problem.filename)))
