"""`workshop doctor SPEC`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument

if TYPE_CHECKING:
    from orchestrator.workflow.doctor import Bundle

ENDING = ".tar.gz"


@click.command()
@spec_argument
@practice_option
@click.option(
    "--to", "file", type=click.Path(path_type=Path, dir_okay=False), help="The file [default: NAME-doctor.tar.gz]."
)
@click.option("--with-names", is_flag=True, help="Leave names and mails of people in it.")
@common_options
def doctor(
    spec: Path,
    *,
    practice: bool,
    file: Path | None,
    with_names: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Write a bundle to send to somebody: versions, plan, status, logs, files; no secrets, and no people's names."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.doctor import doctor as gather
    from orchestrator.workflow.doctor import spec_to_look_at

    settings = read_settings()
    loaded, unread = spec_to_look_at(spec, settings, state_dir, practice=practice or None)
    target = (file or Path(f"{loaded.workshop.name}-doctor{ENDING}")).absolute()
    with Progress(verbose=verbose) as progress:
        bundle = gather(loaded, settings, state_dir, progress, target, with_names=with_names, unread=unread)
    emit(document(bundle), text=_text(bundle), output=output)


def document(bundle: Bundle) -> dict[str, object]:
    return {
        "workshop": bundle.workshop,
        "ok": not bundle.problems,
        "file": str(bundle.file),
        "size": bundle.size,
        "contents": [{"name": name, "size": size} for name, size in bundle.contents.items()],
        "problems": list(bundle.problems),
    }


def _text(bundle: Bundle) -> str:
    rows = [(name, str(size)) for name, size in bundle.contents.items()]
    lines = [table(("in it", "bytes"), rows), *section("Could not be gathered:", bundle.problems)]
    look = f"Look into it before you send it: tar -xzf {bundle.file.name}"
    return "\n".join([*lines, "", f"{bundle.file} ({bundle.size} bytes, for you alone). {look}"])
