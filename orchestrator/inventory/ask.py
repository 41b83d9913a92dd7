"""Asks Ansible for the hosts of an inventory. A program of its own: a question as JSON on stdin, the answer on stdout.

Of a host's variables only those leave it that were asked for, and of passwords only that they are set. Messages of
Ansible repeat lines of the inventory, which may hold a password: they are cut where that begins.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.vars.manager import VariableManager

QUOTES_FROM = re.compile(r",? got\b|,? found\b|['\"\n]|: \{")  # from there on a message repeats the file
OWN = "workshop_"
ROLES = "workshop_roles"
NO_PLUGIN = "no root 'plugin' key"  # said of all other YAML
NOT_INSTALLED = re.compile(r"(?:unknown plugin|No module named) '(?:ansible_collections\.)?([\w.]+)'")
FOR_YAML = {".yml", ".yaml", ".json"}
LOOKUPS = ("lookup", "query", "q")
LONGEST = 200  # characters of what a program said


class Inventory(InventoryManager):  # type: ignore[misc]  # Ansible has no types
    """Knows which file it was reading, and what Ansible had against it."""

    def __init__(self, loader: DataLoader, path: str) -> None:
        self.at = path
        self.failures: list[Exception] = []
        Display.error_as_warning = lambda _, msg, exception, **__: self.failures.append(exception)  # noqa: ARG005
        Display.warning = lambda *_, **__: None
        super().__init__(loader=loader, sources=[path], parse=False)

    def parse_source(self, source: str, cache: bool = False) -> Any:
        if not Path(source).is_dir():
            self.at = source
            self.failures.clear()
        return super().parse_source(source, cache=cache)

    @property
    def failure(self) -> Exception | None:
        """What says most, of what several readers of Ansible said in turn: they try INI last."""
        told = [problem for problem in self.failures if not str(problem).startswith(NO_PLUGIN)]
        by_kind = os.access(self.at, os.X_OK) or Path(self.at).suffix in FOR_YAML
        return (told[0] if by_kind else told[-1]) if told else None


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """`path`, `limit`, `roles` (patterns), `by_name` (those are groups, which may be missing), `variables`,
    `passwords`, `programs` (whether lookups may run).
    """
    init_plugin_loader()
    loader = DataLoader()
    inventory = Inventory(loader, question["path"])
    try:
        inventory.parse_sources()
        return _found(question, loader, inventory)
    except Exception as problem:  # noqa: BLE001 - plugins raise what they like
        return {"failure": _failure(inventory.failure or problem, inventory.at)}


def _found(question: Mapping[str, Any], loader: DataLoader, inventory: Inventory) -> dict[str, Any]:
    patterns = [p for p in question["roles"] if not question["by_name"] or p in inventory.groups]
    matched = {pattern: inventory.get_hosts(pattern) for pattern in patterns}
    hosts = {host.name: host for host in inventory.get_hosts()}
    hosts |= {host.name: host for found in matched.values() for host in found}  # this machine may be in no group
    if question["limit"]:
        hosts = {host.name: host for host in inventory.get_hosts(question["limit"])}
    variables = VariableManager(loader=loader, inventory=inventory)
    answers = []
    for name, host in hosts.items():
        of = [pattern for pattern, found in matched.items() if host in found]
        values = variables.get_vars(host=host)
        if of or ROLES in values:
            answers.append({"name": name, **_host_place(host), "patterns": of, **_values(question, loader, values)})
    return {
        "hosts": answers,
        "empty": [pattern for pattern, found in matched.items() if not any(host.name in hosts for host in found)],
        "groups": sorted(map(str, inventory.groups)),
        "any": bool(hosts),
        "lookups": any(value.get("problem") == "lookup" for one in answers for value in one["values"].values()),
    }


def _values(question: Mapping[str, Any], loader: DataLoader, values: dict[str, Any]) -> dict[str, Any]:
    known = values if question["programs"] else values | dict.fromkeys(LOOKUPS, "")  # a template may not call them
    templar = Templar(loader, variables=known)
    return {
        "values": {name: _value(templar, values[name]) for name in question["variables"] if name in values},
        "passwords": {
            name: _place(values[name])
            for name in question["passwords"]
            if name in values and _value(templar, values[name]).get("value", "set") not in {None, "", False}
        },
        "own": [name for name in values if name.startswith(OWN)],
    }


def _value(templar: Templar, raw: Any) -> dict[str, Any]:
    """The value with its place, or what kept it from being told."""
    try:
        return {"value": templar.template(raw), **_place(raw)}
    except AnsibleUndefinedVariable as problem:
        return {"problem": _cut(f"undefined: {str(problem).replace(chr(39), '`')}"), **_place(raw)}
    except Exception as problem:  # noqa: BLE001 - filters and lookups raise what they like
        said = str(problem).lower()
        kind = "vaulted" if "vault" in said or "decrypt" in said else "template"
        return {"problem": "lookup" if "not callable" in said else kind, **_place(raw)}


def _place(value: Any) -> dict[str, Any]:
    """Where it stands; ansible-core 2.19 and newer know."""
    with suppress(ImportError):
        from ansible._internal._datatag._tags import Origin

        origin = value if isinstance(value, Origin) else Origin.get_tag(value)
        if origin is not None and origin.path:
            place = {"file": str(origin.path), "line": origin.line_num, "column": origin.col_num}
            return {name: value for name, value in place.items() if value is not None}
    return {}


def _host_place(host: Any) -> dict[str, Any]:
    """YAML tells it of names, INI of variables only."""
    return next((place for value in (host.name, *host.vars.values()) if (place := _place(value))), {})


def _failure(problem: Exception, at: str) -> dict[str, Any]:
    message = problem.message if isinstance(problem, AnsibleError) else f"{type(problem).__name__}: {problem}"
    if missing := NOT_INSTALLED.search(message):
        message = f"it needs {missing[1]}, which is not installed here"
    place = {"file": at, "line": _ini_line(problem)} | _place(getattr(problem, "obj", None))
    said = [line.strip() for line in str(getattr(problem, "_help_text", None) or "").splitlines() if line.strip()]
    from_program = said[-1][:LONGEST] if said and said[0].startswith("Standard error") and len(said) > 1 else None
    return {"message": _cut(message), "said": from_program, "vaulted": "vault" in message.lower(), **place}


def _cut(message: str) -> str:
    return QUOTES_FROM.split(message)[0].strip().rstrip(":.")[:LONGEST]


def _ini_line(problem: Exception) -> int | None:
    """Ansible forgets it before it speaks; its own variables still have the line's text."""
    for frame in _frames(problem.__cause__):
        if frame.f_code.co_name == "_parse" and {"line", "lines"} <= frame.f_locals.keys():
            lines, line = frame.f_locals["lines"], frame.f_locals["line"]
            return next((number for number, text in enumerate(lines, 1) if text.strip() == line), None)
    return None


def _frames(problem: BaseException | None) -> Iterator[Any]:
    at = problem.__traceback__ if problem else None
    while at is not None:
        yield at.tb_frame
        at = at.tb_next


def main() -> None:
    """Whatever programs and Ansible print goes to stderr, which nobody reads; they find nothing on stdin."""
    question = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        json.dump(answer(question), told, default=str)


if __name__ == "__main__":
    main()
