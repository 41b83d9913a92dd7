"""`workshop archive SPEC`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, section
from orchestrator.cli.options import common_options, practice_option, spec_argument
from orchestrator.cli.running import running_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.archive.manifest import Manifest

INCOMPLETE = 1
file_of = click.Path(path_type=Path, dir_okay=False)


@click.command()
@spec_argument
@practice_option
@click.option("--to", "target", type=file_of, help="The file [default: .workshop/NAME/archives/NAME-TIME.tar.gz].")
@click.option(
    "--check", "checked", type=file_of, help="Write nothing: look whether every file in this archive is whole."
)
@common_options
def archive(
    spec: Path,
    *,
    practice: bool,
    target: Path | None,
    checked: Path | None,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> int:
    """Write chats, knowledge, accounts, usage and the spec into one file, with a list of what is in it."""
    if checked and target:
        raise click.UsageError("--check writes nothing, so it takes no --to.")
    if checked:
        from orchestrator.archive.check import check

        found = check(checked)
        file, size, manifest, wrong = found.file, found.size, found.manifest, found.wrong
    else:
        from orchestrator.settings import read_settings
        from orchestrator.workflow.archive import archive as make

        loaded = running_spec(spec, state_dir, practice=practice)
        with Progress(verbose=verbose) as progress:
            made = make(loaded, read_settings(), state_dir, progress, target.absolute() if target else None)
        file, size, manifest, wrong = made.file, made.size, made.manifest, ()
    told = document(file, size, manifest, wrong)
    emit(told, text=_text(file, size, manifest, wrong), output=output)
    return 0 if told["ok"] else INCOMPLETE


def document(file: Path, size: int, manifest: Manifest, wrong: Sequence[str] = ()) -> dict[str, object]:
    """Of a file that was written, or that was checked: then `wrong` has what is not as it was written."""
    return {
        "workshop": manifest.workshop,
        "ok": not manifest.missing and not wrong,
        "file": str(file),
        "size": size,
        "at": manifest.at,
        "participant": manifest.participant,
        "program": manifest.program,
        "webui": manifest.webui,
        "counts": manifest.counts.model_dump(),
        "members": len(manifest.members),
        "missing": [one.model_dump() for one in manifest.missing],
        "wrong": list(wrong),
    }


def _text(file: Path, size: int, manifest: Manifest, wrong: Sequence[str]) -> str:
    from orchestrator.archive.names import shown

    counts = ", ".join(f"{number} {what}" for what, number in manifest.counts.model_dump().items())
    lines = [f"{manifest.workshop}: {counts}"]
    lines += section("Missing in it:", [shown(f"{one.what}: {one.why}") for one in manifest.missing])
    lines += section("NOT AS IT WAS WRITTEN:", wrong)
    whole = f"{len(manifest.members)} files, {size} bytes"
    return "\n".join([*lines, "", f"{file} ({whole}). Names, mails and chats of people are in it."])
