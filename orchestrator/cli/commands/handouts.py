"""`workshop handouts SPEC`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.display import emit
from orchestrator.cli.options import common_options, practice_option, spec_argument
from orchestrator.cli.running import running_spec


@click.command()
@spec_argument
@practice_option
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="Another folder than the workshop's own.")
@common_options
def handouts(
    spec: Path, *, practice: bool, to: Path | None, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Write cards.pdf, cards.csv, guide.html and, with tls: auto, workshop-ca.crt again."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.people.listed import print_again

    loaded = running_spec(spec, state_dir, practice=practice)
    written = print_again(loaded, read_settings(), state_dir, to)
    document = {
        "workshop": loaded.workshop.name,
        "ok": True,
        "changed": written.changed,
        "cards": written.cards,
        "files": [str(file) for file in written.files],
    }
    word = "written" if written.changed else "unchanged"
    emit(
        document,
        text="\n".join([f"{written.cards} cards, {word}:", *(f"  {file}" for file in written.files)]),
        output=output,
    )
