"""What an inventory says, as values: hosts, the variables that were asked for, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from orchestrator.errors import Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which hosts of which inventory."""

    path: Path  # absolute
    named_at: Where  # in the spec
    folder: Path  # where its programs run
    limit: str | None = None  # a host pattern of Ansible
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by host pattern
    by_name: bool = False  # the patterns are groups, which may be missing
    labels: Sequence[str] = ()  # variables
    environment: Mapping[str, SecretStr] = field(default_factory=dict)
    seconds: float = 60  # that its programs may take
    programs: bool = True  # whether they may be run at all


@dataclass(frozen=True, slots=True)
class Value:
    """A variable of one host. `problem`: why there is no value."""

    value: Any
    where: Where
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FoundHost:
    name: str  # in the inventory
    where: Where
    roles: tuple[str, ...]  # that its groups give
    values: Mapping[str, Value]
    passwords: Mapping[str, Where]  # that are set
    own: tuple[str, ...]  # all variables that begin with workshop_


@dataclass(frozen=True, slots=True)
class Reading:
    hosts: tuple[FoundHost, ...]
    empty: tuple[str, ...]  # patterns that no host matches
    groups: tuple[str, ...]
    any_host: bool  # that the limit leaves


@dataclass(frozen=True, slots=True)
class Unread:
    """It was not read: that would run a program."""

    why: str
