"""`workshop schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.cli.options import common_options


@click.command()
@common_options
def schema(*, output: str, state_dir: Path | None, verbose: bool) -> None:
    """Print the JSON Schema of workshop.yaml, for editors."""
    from orchestrator.spec.schema import spec_schema

    click.echo(json.dumps(spec_schema(), indent=2))
