"""The spec for commands on a class that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from orchestrator.spec.loader import Spec


def running_spec(file: Path, state_dir: Path | None, *, practice: bool) -> Spec:
    """As it was last applied; on stderr, that the file says something else by now."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.context.in_force import spec_in_force

    found = spec_in_force(file, read_settings(), state_dir, practice=practice or None)
    if found.remark:
        click.echo(f"Note: {found.remark}", err=True)
    return found.spec
