"""The files of an inventory that go into an export: its text. Programs and keys stay where they are, and are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.inventory.sources import files_of, is_program

A_PROGRAM = "it is a program; whoever takes over gets it from you, or another inventory"
_KEY = b"PRIVATE KEY-----"
_FIRST = 200  # bytes


def inventory_files(inventory: Path, *, with_secrets: bool, secret: str) -> Iterator[tuple[Path, str | None]]:
    """Each file, and why it stays out; `secret` is said of private keys."""
    for file in files_of(inventory):
        if is_program(file):
            yield file, A_PROGRAM
        else:
            yield file, secret if _is_key(file) and not with_secrets else None


def _is_key(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return _KEY in stream.read(_FIRST)
    except OSError:
        return False  # said when it is packed
