"""`workshop init [FILE]`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.display import emit
from orchestrator.cli.options import common_options


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("workshop.yaml"))
@common_options
def init(file: Path, *, output: str, state_dir: Path | None, verbose: bool) -> None:
    """Write a commented workshop.yaml to start from. Never overwrites."""
    from orchestrator.workflow.init import write_spec

    write_spec(file)
    document = {"ok": True, "file": str(file)}
    emit(document, text=f"{file} is written. Edit it, then: workshop validate {file}", output=output)
