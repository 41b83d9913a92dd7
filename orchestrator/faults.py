"""Published holes, from the committed table known_faults.toml: no network is asked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

Kind = Literal["image", "engine", "compose", "debian", "python"]
TABLE = Path(__file__).with_name("known_faults.toml")
VERSION = re.compile(r"(?:^|[-:])[vb]?(\d+(?:\.\d+)+|(?<=b)\d+)(?=$|[-+~])")  # 1.30.6, b11669: not a digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    component: str
    found_in: tuple[Kind, ...]
    below: str
    cve: str
    what: str
    date: date
    source: str
    since: str = "0"
    kept_out: str = ""

    def is_in(self, version: str) -> bool:
        """Whether a version has it; one that is no version has nothing."""
        found = numbers(version)
        return bool(found) and numbers(self.since) <= found < numbers(self.below)

    def __str__(self) -> str:
        return f"{self.cve}: {self.what}; fixed in {self.component} {self.below}"


@cache
def _table() -> dict[str, Any]:
    with TABLE.open("rb") as file:
        return tomllib.load(file)


@cache
def known_faults() -> tuple[Fault, ...]:
    return tuple(Fault(**{**entry, "found_in": tuple(entry["found_in"])}) for entry in _table()["fault"])


def project_of(component: str) -> str:
    """What the table calls what is in the image of a component."""
    return str(_table()["projects"].get(component, component))


def faults_of(component: str, version: str, found_in: Kind) -> Iterator[Fault]:
    """Versions as they are told: `v0.12.4`, `server-b11669`, `5.0.1-desktop.1`, Debian's `1:1.30.6-2`."""
    for fault in known_faults():
        if fault.component == component and found_in in fault.found_in and fault.is_in(version):
            yield fault


def fault_named(cve: str) -> Fault:
    return next(fault for fault in known_faults() if fault.cve == cve)


def numbers(version: str) -> tuple[int, ...]:
    """What counts of a version. Trailing zeros don't; none: it is no version."""
    found = VERSION.search(version)
    every = [int(number) for number in found[1].split(".")] if found else []
    while every and not every[-1]:
        every.pop()
    return tuple(every)
