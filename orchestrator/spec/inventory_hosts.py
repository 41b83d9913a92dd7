"""The hosts of the spec's inventory as if they stood in the spec, with the place of each value in the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from orchestrator.errors import SpecError, UserError
from orchestrator.inventory.found import Asked, Reading, Unread
from orchestrator.inventory.reading import read_inventory
from orchestrator.inventory.refused import PASSWORDS
from orchestrator.inventory.translate import VARIABLES, Translated, own_variables, translate
from orchestrator.spec.document import Borrowed, Document, Path_
from orchestrator.spec.hosts import Host, Role
from orchestrator.spec.inventory import Inventory
from orchestrator.spec.values import SecretReference
from orchestrator.spelling import did_you_mean, nearest

AT = ("inventory",)
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class BorrowedHosts:
    """`unread`: why they are not known."""

    sections: list[dict[str, Any]] = field(default_factory=list)
    places: dict[Path_, Borrowed] = field(default_factory=dict)  # below hosts, by index
    unread: str | None = None


def borrowed_hosts(
    document: Document, inventory: Inventory, own: Sequence[Any], *, programs: bool = True
) -> BorrowedHosts:
    """They follow the spec's `own`. Without `programs` nothing is run. Raises SpecError with all problems."""
    asked = _asked(document, inventory, programs=programs)
    try:
        reading = read_inventory(asked, (*VARIABLES, *own_variables(Host.model_fields)), PASSWORDS)
    except UserError as problem:
        raise SpecError([problem]) from None
    if isinstance(reading, Unread):
        return BorrowedHosts(unread=reading.why)
    hosts = [translate(host, Host.model_fields, inventory.labels) for host in reading.hosts]
    problems = [*_groups(document, asked, reading), *(problem for host in hosts for problem in host.problems)]
    problems += _same_names(own, hosts)
    if problems:
        raise SpecError(problems)
    places = {path: place for index, host in enumerate(hosts, len(own)) for path, place in _places(index, host)}
    return BorrowedHosts([host.section for host in hosts], places)


def _asked(document: Document, inventory: Inventory, *, programs: bool) -> Asked:
    folder = document.file.parent
    return Asked(
        path=folder / inventory.path.expanduser(),
        named_at=document.where((*AT, "path")),
        folder=folder,
        limit=inventory.limit,
        roles=inventory.roles or {role: [role] for role in ROLES},
        by_name=not inventory.roles,
        labels=inventory.labels,
        environment=_revealed(document, inventory, folder) if programs else {},
        seconds=inventory.seconds,
        programs=programs,
    )


def _revealed(document: Document, inventory: Inventory, folder: Path) -> dict[str, SecretStr]:
    found, problems = {}, []
    for name, value in inventory.environment.items():
        try:
            found[name] = value.reveal(folder) if isinstance(value, SecretReference) else SecretStr(value)
        except UserError as problem:
            where = document.where((*AT, "environment", name))
            problems.append(UserError(problem.code, problem.message, where=where, hint=problem.hint))
    if problems:
        raise SpecError(problems)
    return found


def _groups(document: Document, asked: Asked, reading: Reading) -> Iterator[UserError]:
    """Nobody is where somebody is expected."""
    name, code = asked.path.name, "inventory_empty"
    if not reading.any_host:
        at = (*AT, "limit") if asked.limit else AT
        what = f"no host of {name} matches {asked.limit!r}" if asked.limit else f"{name} has no hosts"
        yield UserError(code, what, where=document.where(at), hint=_meant(asked.limit, reading))
        return
    if not asked.by_name:
        for pattern in reading.empty:
            limited = f" within {asked.limit!r}" if asked.limit else ""
            what = f"no host of {name} matches {pattern!r}{limited}"
            yield UserError(code, what, where=document.where((*AT, "roles", pattern)), hint=_meant(pattern, reading))
    if not reading.hosts and (asked.by_name or not reading.empty):
        message = f"no host of {name} has a role: no group is named gateway, webui or inference"
        hint = "Say it in the spec, like inventory: {path: ..., roles: {GROUP: [inference]}}"
        yield UserError(code, message, where=document.where(AT), hint=hint)


def _meant(pattern: str | None, reading: Reading) -> str | None:
    groups = [group for group in reading.groups if group not in {"all", "ungrouped"}]
    if pattern is None or pattern in groups:
        return None
    return did_you_mean(nearest(pattern, groups)) or (f"Its groups: {', '.join(groups[:10])}" if groups else None)


def _same_names(own: Sequence[Any], hosts: Sequence[Translated]) -> Iterator[UserError]:
    seen = {section.get("name"): "one of hosts: in the spec" for section in own if isinstance(section, dict)}
    for host in hosts:
        name = host.section.get("name")
        other = seen.setdefault(name, host.host.name)
        if name is not None and other != host.host.name:
            message = f"another host is called {name}: {other}"
            hint = "Give it another name in the inventory: workshop_name=NAME"
            yield UserError("inventory_host", message, where=host.host.where, hint=hint)


def _places(index: int, host: Translated) -> Iterator[tuple[Path_, Borrowed]]:
    yield ("hosts", index), Borrowed("", host.host.where)  # which says the host
    for name, (variable, where) in host.origins.items():
        yield ("hosts", index, name), Borrowed(variable, where)
