"""The command line: `workshop COMMAND SPEC`, and `provision SPEC` as a command of its own."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

FEW_COLLECTIONS = 50_000  # new objects between two collections; Python's own figure is 700


def main() -> None:
    """The console script `workshop`."""
    _start()
    from orchestrator.cli.app import workshop

    _run(workshop)


def provision_main() -> None:
    """The console script `provision`."""
    _start()
    from orchestrator.cli.commands.provision import provision

    _run(provision)


def _start() -> None:
    """What short commands gain a tenth by.

    Nothing that is imported becomes garbage, and Pydantic would look for its plugins in all packages there are.
    """
    gc.set_threshold(FEW_COLLECTIONS)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _run(command: click.Command) -> None:
    from orchestrator.cli.outcome import run

    sys.exit(run(command, sys.argv[1:]))
