"""The command line: `workshop COMMAND SPEC`, and `provision SPEC` as a command of its own."""

from __future__ import annotations

import sys


def main() -> None:
    """The console script `workshop`."""
    from orchestrator.cli.app import workshop
    from orchestrator.cli.outcome import run

    sys.exit(run(workshop, sys.argv[1:]))


def provision_main() -> None:
    """The console script `provision`."""
    from orchestrator.cli.commands.provision import provision
    from orchestrator.cli.outcome import run

    sys.exit(run(provision, sys.argv[1:]))
