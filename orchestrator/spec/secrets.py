"""Every secret of a spec, found by going over all of its values, so that a new section can't be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from pydantic import BaseModel, SecretStr

from orchestrator.errors import UserError
from orchestrator.spec.document import Path_
from orchestrator.spec.values import SecretReference

SOUNDS_SECRET = re.compile(r"key|token(?!iz)|secret|passw|passphrase|credential|auth", re.IGNORECASE)
PATTERNS = ("inventory", "roles")  # groups of hosts, whatever they are called
_PLAIN = re.compile(r"\d{0,7}|true|false|none|null", re.IGNORECASE)  # what switches and limits say


def secret_references(value: object) -> Iterator[tuple[Path_, SecretReference]]:
    """Every one in it, at any depth, with its place below it."""
    return ((at, leaf) for at, _, leaf in _leaves(value) if isinstance(leaf, SecretReference))


def plain_secrets(value: object) -> Iterator[tuple[Path_, str]]:
    """What is written out where names are free (headers, variables, valves) under one that sounds like a secret's."""
    for at, sounds, leaf in _leaves(value):
        if isinstance(leaf, SecretStr):
            yield at, leaf.get_secret_value()
        elif sounds and isinstance(leaf, str) and may_be_secret(leaf) and at[:2] != PATTERNS:
            yield at, leaf


def revealed(reference: SecretReference, folder: Path) -> Iterator[str]:
    """Nothing where it is not there, for then it can't stand anywhere either."""
    try:
        yield reference.reveal(folder).get_secret_value()
    except UserError:
        return


def may_be_secret(text: str) -> bool:
    return _PLAIN.fullmatch(text) is None


def _leaves(value: object, at: Path_ = (), *, sounds: bool = False) -> Iterator[tuple[Path_, bool, object]]:
    """With its place, and whether a free name on the way there sounds like a secret's."""
    if isinstance(value, SecretReference):
        yield at, sounds, value
    elif isinstance(value, BaseModel):
        for name, inner in value:
            yield from _leaves(inner, (*at, name), sounds=sounds)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name), (*at, field.name), sounds=sounds)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            named = str(name)
            yield from _leaves(inner, (*at, named), sounds=sounds or SOUNDS_SECRET.search(named) is not None)
    elif isinstance(value, list | tuple | set | frozenset):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*at, index), sounds=sounds)
    else:
        yield at, sounds, value
