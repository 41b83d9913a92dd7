"""The files of an inventory: which there are, which of them are programs. Looks at them, runs nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

VARIABLES = ("group_vars", "host_vars")  # folders beside an inventory that belong to it
VAULT = b"$ANSIBLE_VAULT;"
PROGRAM = b"#!"
HARMLESS = {"constructed", "ansible.builtin.constructed", "ansible.builtin.generator"}  # ask nobody
_PLUGIN = re.compile(rb"""^['"]?plugin['"]?\s*:\s*['"]?([\w.]+)""", re.MULTILINE)
_FIRST = 4096  # bytes in which a file says what it is
_IGNORED = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry")


def files_of(inventory: Path) -> Iterator[Path]:
    """All that Ansible may read of it, in order: itself or what is in the folder, and variables of groups and hosts."""
    if inventory.is_dir():
        yield from _below(inventory)
        return
    yield inventory
    for name in VARIABLES:
        yield from _below(inventory.parent / name)


def is_program(file: Path) -> bool:
    return os.access(file, os.X_OK)


def is_program_without_permission(file: Path) -> bool:
    """Ansible would read its text as INI."""
    return not is_program(file) and not _is_variables(file) and _beginning(file).startswith(PROGRAM)


def is_vaulted(file: Path) -> bool:
    return _beginning(file).startswith(VAULT)


def runs(inventory: Path) -> str | None:
    """Why reading it would run something, or ask somebody; None: it is plain text."""
    for file in files_of(inventory):
        if _is_variables(file):
            continue
        if is_program(file):
            return f"{file.name} is a program"
        plugin = _PLUGIN.search(_beginning(file)) if file.suffix in {".yml", ".yaml"} else None
        if plugin and plugin[1].decode() not in HARMLESS:
            return f"{file.name} asks the plugin {plugin[1].decode()}"
    return None


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(here, name)
            for name in sorted(names)
            if not name.startswith(".") and not name.endswith(_IGNORED) and Path(here, name).is_file()
        )


def _is_variables(file: Path) -> bool:
    return bool(set(VARIABLES) & set(file.parent.parts))


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_FIRST)
    except OSError:
        return b""
