"""`workshop preflight SPEC`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument

if TYPE_CHECKING:
    from orchestrator.workflow.preflight import Preflight

WIDE = 80  # characters of a line
TO_FIX, NOT_REACHED = 1, 3
CELLS = {"ok": "ok", "warn": "warn", "problem": "FIX", "unknown": "?"}


@click.command()
@spec_argument
@practice_option
@common_options
def preflight(spec: Path, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> int:
    """Look at every host of SPEC: what would fail there, and what to do about it. Changes nothing on any.

    Exit code 1 when something must be fixed, 3 when a host is not reached.
    """
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load
    from orchestrator.workflow.preflight import preflight as look

    with Progress(verbose=verbose) as progress:
        seen = look(load(spec, practice=practice or None), read_settings(), state_dir, progress)
    emit(document(seen), text=summary(seen), output=output)
    if seen.unreached:
        return NOT_REACHED
    return 0 if seen.ok else TO_FIX


def document(seen: Preflight) -> dict[str, object]:
    return {
        "workshop": seen.workshop,
        "ok": seen.ok,
        "hosts": [
            {
                "name": name,
                "address": address,
                "reached": name in seen.reached,
                "gpus": seen.gpus[name].model_dump(mode="json") if name in seen.gpus else None,
            }
            for name, address in seen.hosts.items()
        ],
        "findings": [finding.as_dict() for finding in seen.findings],
        "seconds": round(seen.seconds, 2),
    }


def summary(seen: Preflight) -> str:
    """One table, and below it what is not ok, each with its remedy."""
    from orchestrator.checks.preflight.finding import worst
    from orchestrator.checks.preflight.judge import CHECKS

    of_hosts = [finding for finding in seen.findings if finding.host]
    checks = [check for check in CHECKS if any(finding.check == check for finding in of_hosts)]
    rows = []
    for host in seen.hosts:
        cells = [[f for f in of_hosts if (f.host, f.check) == (host, check)] for check in checks]
        rows.append([host, *(CELLS[worst(cell)] if cell else "-" for cell in cells)])
    lines = [_table([["host", *checks], *rows])]
    for title, level in (("To fix:", "problem"), ("Could not be told:", "unknown"), ("Look at these:", "warn")):
        lines += section(title, [str(finding) for finding in seen.findings if finding.level == level])
    gpus = [f for f in of_hosts if f.check == "gpus" and f.level == "ok"]
    lines += section("GPUs:", (f"{finding.host}: {finding.what}" for finding in gpus))
    ready = f"Nothing stands in the way of provision ({seen.seconds:.1f} s)." if seen.ok else ""
    return "\n".join([*lines, *(["", ready] if ready else [])])


def _table(rows: list[list[str]]) -> str:
    """A line for each host, or for each check where that is narrower and the other is too wide."""
    ways = [table(way[0], way[1:]) for way in (rows, [list(column) for column in zip(*rows, strict=True)])]
    widths = [max(map(len, way.splitlines())) for way in ways]
    return ways[1] if widths[1] < widths[0] and widths[0] > WIDE else ways[0]
