"""`workshop logs SPEC [SERVICE...]`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.display import emit
from orchestrator.cli.options import common_options, practice_option
from orchestrator.cli.running import running_spec


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.argument("services", nargs=-1)
@practice_option
@click.option("--tail", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Lines of each service.")
@common_options
def logs(
    spec: Path,
    services: tuple[str, ...],
    *,
    practice: bool,
    tail: int,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Show the last lines of SERVICES: gateway, webui, a model's name or one replica; all of them by default."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.logs import logs as read

    loaded = running_spec(spec, state_dir, practice=practice)
    found = read(loaded, read_settings(), services, tail)
    document = {
        "workshop": loaded.workshop.name,
        "ok": not found.problems,
        "logs": {name: text.splitlines() for name, text in found.texts.items()},
        "problems": [problem.as_dict() for problem in found.problems],
    }
    lines = [f"== {name} ==\n{text}" for name, text in found.texts.items()]
    lines += [f"== no answer ==\n{problem}" for problem in found.problems]
    emit(document, text="\n".join(lines), output=output)
