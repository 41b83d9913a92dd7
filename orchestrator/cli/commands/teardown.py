"""`workshop teardown SPEC`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, section
from orchestrator.cli.options import common_options

if TYPE_CHECKING:
    from orchestrator.state.folder import StateFolder
    from orchestrator.workflow.rollout.remove import Left
    from orchestrator.workflow.teardown import TornDown

HOSTS_FAILED = 3


@click.command()
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option("--name", help="The workshop's name, when its spec is gone.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--archive/--without-archive",
    default=None,
    help="Archive all first, and remove nothing where that fails [default: as archive.required says].",
)
@click.option("--keep-weights", is_flag=True, help="Keep the volumes with downloaded weights.")
@click.option("--keep-state", is_flag=True, help="Keep secret, keys and cards, those that an import replaced too.")
@common_options
def teardown(
    spec: Path | None,
    *,
    name: str | None,
    yes: bool,
    archive: bool | None,
    keep_weights: bool,
    keep_state: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> int:
    """Remove containers, networks, volumes and files of a workshop, look again, and print the proof."""
    from orchestrator.errors import UserError
    from orchestrator.settings import read_settings
    from orchestrator.state.kept_aside import kept_aside
    from orchestrator.workflow.archives.first import Choice
    from orchestrator.workflow.teardown import find_folder
    from orchestrator.workflow.teardown import teardown as remove

    choice = {None: Choice.AS_THE_SPEC_SAYS, True: Choice.ALWAYS, False: Choice.NEVER}[archive]
    settings = read_settings()
    folder = find_folder(spec, name, state_dir or settings.state_dir)
    if (folder.has_state or kept_aside(folder, spec)) and not yes and not sys.stdin.isatty():
        raise click.UsageError("Without a terminal teardown needs --yes.")
    with Progress(verbose=verbose) as progress:

        def confirm(workshop: str, present: tuple[str, ...]) -> None:
            if not yes:
                progress.pause()
                click.echo(
                    "\n".join(section(f"{workshop}: this will be removed, with all chats and accounts:", present)),
                    err=True,
                )
                if not click.confirm("Go on?", err=True):
                    raise UserError("not_confirmed", "nothing was changed")

        done = remove(
            folder,
            settings,
            progress,
            confirm,
            spec=None if name else spec,
            archiving=choice,
            keep_weights=keep_weights,
            keep_state=keep_state,
        )
    emit(document(done), text=_text(done, folder), output=output)
    return 0 if done.ok else HOSTS_FAILED


def document(done: TornDown) -> dict[str, object]:
    return {
        "workshop": done.workshop,
        "ok": done.ok,
        "was_there": done.was_there,
        "hosts": list(done.hosts),
        "removed": list(done.removed),
        "left": list(done.left),
        "proof": [{"host": one.host, **one.counts} for one in done.proof],
        "kept": list(done.kept),
        "problems": [problem.as_dict() for problem in done.failed],
    }


def _text(done: TornDown, folder: StateFolder) -> str:
    if not done.was_there:
        return f"{done.workshop}: nothing was there."
    lines = section(f"{done.workshop}: removed", done.removed) + section("Kept, as asked:", done.kept)
    lines += section("Looked again:", [*map(_proof, done.proof), *_of_page(done), *_of_imports(done)])
    if not done.ok:
        again = "Run the same command again for what is left: it goes on where this one stopped."
        lines += section("STILL THERE:", done.left) + section("Could not be cleaned:", map(str, done.failed))
        return "\n".join([*lines, "", again]).lstrip()
    return "\n".join([*lines, "", f"Nothing of {done.workshop} is left. The record: {folder.teardowns}"]).lstrip()


def _of_page(done: TornDown) -> list[str]:
    return [f"{done.page}: {sum(line.startswith(done.page) for line in done.left)} things"] if done.page else []


def _of_imports(done: TornDown) -> list[str]:
    return [] if done.replaced is None else [f"this machine: {done.replaced} folders with what imports replaced"]


def _proof(one: Left) -> str:
    return f"{one.host}: {', '.join(f'{number} {kind}' for kind, number in one.counts.items())}"
