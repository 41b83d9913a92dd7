"""The files that a spec names, wherever in it: what goes into an export, and what stays out and why."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator.errors import UserError, Where
from orchestrator.handover.contents import SPEC, LeftOut, is_acceptable
from orchestrator.handover.inventory_files import inventory_files
from orchestrator.spec.hosts import Host
from orchestrator.spec.knowledge_files import files_meant
from orchestrator.spec.loader import Spec
from orchestrator.spec.values import FilesHere, SecretReference

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
    """`kind`: what the spec says there, by which its files are found."""

    text: str
    kind: type
    is_secret: bool = False

    @property
    def path(self) -> Path:
        return Path(self.text)


def named_by(spec: Spec, *, with_secrets: bool) -> Named:
    """The spec itself, and every file below its folder that it names. Raises UserError `file_unreadable`."""
    mentions = {(one.text, one.kind): one for one in _mentions(spec.workshop)}
    secrets = () if with_secrets else (one for one in mentions.values() if one.is_secret)
    secret = [place for one in secrets for place in _place(spec, one)]
    files, left_out = {f"{SPEC}/{spec.file.name}": spec.file}, {}
    for _, mention in sorted(mentions.items(), key=lambda item: item[0][0]):
        if why := A_SECRET if mention.is_secret and not with_secrets else _why_not(mention):
            left_out[mention.text] = why
            continue
        found = _found(spec, mention, with_secrets=with_secrets)
        if isinstance(found, str):
            left_out[mention.text] = found
            continue
        for file, aside in found:
            name = os.path.normpath(file.relative_to(spec.folder))
            if aside or any(file.resolve().is_relative_to(one) for one in secret):  # in a folder that is named too
                left_out[name] = aside or A_SECRET
            else:
                files[f"{SPEC}/{name}"] = file
    taken = {name: file for name, file in files.items() if is_acceptable(name)}
    for name in sorted(files.keys() - taken.keys()):
        left_out[name.partition("/")[2].encode(errors="replace").decode()] = UNTAKEN
    needed = {r for r in _of_type(spec.workshop, SecretReference) if f"{SPEC}/{Path(r.name)}" not in taken}
    references = sorted(f"${{{one.kind}:{one.name}}}" for one in needed)
    return Named(taken, tuple(LeftOut(what=what, why=why) for what, why in left_out.items()), tuple(references))


def _mentions(workshop: BaseModel) -> Iterator[_Mention]:
    """Every one of a type that names files, wherever it stands. An SSH key opens more than the class: a secret too."""
    keys = {host.key for host in _of_type(workshop, Host) if host.key}
    yield from (_Mention(str(path), Path, is_secret=path in keys) for path in _of_type(workshop, Path))
    yield from (_Mention(str(entry), FilesHere) for entry in _of_type(workshop, FilesHere))
    for reference in _of_type(workshop, SecretReference):
        if reference.kind == "file":
            yield _Mention(reference.name, SecretReference, is_secret=True)


def _of_type(value: Any, kind: type[T]) -> Iterator[T]:
    """Every value of that type, at any depth, so that no field has to be named here."""
    if isinstance(value, kind):
        yield value
    inner: Iterable[Any] = ()
    if isinstance(value, BaseModel):
        inner = vars(value).values()
    elif isinstance(value, dict):
        inner = (*value.keys(), *value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        inner = value
    for one in inner:
        yield from _of_type(one, kind)


def _why_not(mention: _Mention) -> str | None:
    if mention.path.is_absolute() or mention.text.startswith("~"):
        return ABSOLUTE
    return ELSEWHERE if ".." in mention.path.parts else None


def _place(spec: Spec, mention: _Mention) -> Iterator[Path]:
    with suppress(OSError, RuntimeError):  # in a home folder of nobody
        yield spec.path(mention.path).resolve()


def _found(spec: Spec, mention: _Mention, *, with_secrets: bool) -> list[tuple[Path, str | None]] | str:
    """Each file with why it stays out, if it does; or why there is none."""
    path, inventory = spec.folder / mention.path, spec.workshop.inventory
    if mention.kind is FilesHere:
        meant = files_meant(spec.folder, mention.text)
        return meant if isinstance(meant, str) else [(file.path, None) for file in meant]
    if not path.exists():
        return MISSING
    if inventory and mention.path == inventory.path:
        return list(inventory_files(path, with_secrets=with_secrets, secret=A_SECRET))
    return [(file, None) for file in _files(path)]


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
