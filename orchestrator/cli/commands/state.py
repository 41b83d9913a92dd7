"""`workshop state`: hand a running workshop to another instructor, encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import emit, section
from orchestrator.cli.options import common_options, spec_argument
from orchestrator.cli.passphrase import ask_once, ask_twice, asker, passphrase_option

if TYPE_CHECKING:
    from orchestrator.handover.contents import LeftOut
    from orchestrator.workflow.handover.exporting import Exported
    from orchestrator.workflow.handover.importing import Imported
    from orchestrator.workflow.handover.take_back import TakenBack

AGAIN = "Made again by provision, so not in it: rendered files, cards and the guide, logs. Nor archives and rehearsals."


@click.group()
def state() -> None:
    """The state of a workshop: export it encrypted, import it elsewhere, so that somebody else can go on."""


@state.command()
@spec_argument
@click.option("--to", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="[default: NAME.workshop]")
@click.option("--hand-over", is_flag=True, help="From now on commands that change something refuse here.")
@click.option("--with-secrets", is_flag=True, help="Include files of ${file:...} and SSH keys below SPEC's folder.")
@passphrase_option
@common_options
def export(
    spec: Path,
    *,
    to: Path | None,
    hand_over: bool,
    with_secrets: bool,
    source: str | None,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Write SPEC, the files that it names, and the state with all keys into one file, locked with a passphrase."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load
    from orchestrator.workflow.handover.exporting import Asked
    from orchestrator.workflow.handover.exporting import export as write

    ask = asker(source, ask_twice)
    asked = Asked(to=to, with_secrets=with_secrets, hand_over=hand_over)
    done = write(load(spec), read_settings(), state_dir, asked, ask)
    emit(exported(done), text=_exported(done), output=output)


@state.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--to", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Folder for the spec [default: NAME]."
)
@click.option(
    "--replace", is_flag=True, help="Go back to where that class lies: keep aside its state and spec, and take these."
)
@passphrase_option
@common_options
def import_(
    file: Path,
    *,
    to: Path | None,
    replace: bool,
    source: str | None,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Go on with a workshop from the FILE that somebody else exported: same keys, same cards."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.handover.importing import import_ as take

    done = take(file, read_settings(), to, state_dir, asker(source, ask_once), replace=replace)
    emit(imported(done), text=_imported(done), output=output)


@state.command("take-back")
@spec_argument
@common_options
def take_back(spec: Path, *, output: str, state_dir: Path | None, verbose: bool) -> None:
    """Go on here with a workshop that was handed over, where nobody else took it."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load
    from orchestrator.workflow.handover.take_back import take_back as do

    done = do(load(spec), read_settings(), state_dir)
    emit(taken_back(done), text=_taken_back(done), output=output)


def exported(done: Exported) -> dict[str, object]:
    return {
        "workshop": done.workshop,
        "ok": True,
        "file": str(done.file),
        "bytes": done.size,
        "handed_over": done.handed_over,
        "included": list(done.included),
        "left_out": _left_out(done.left_out),
        "secrets": list(done.secrets),
    }


def imported(done: Imported) -> dict[str, object]:
    manifest = done.manifest
    return {
        "workshop": manifest.workshop,
        "ok": True,
        "spec": str(done.spec),
        "state": str(done.state),
        "exported": {"at": manifest.at, "who": manifest.who, "handed_over": manifest.handed_over},
        "kept": [str(path) for path in done.kept],
        "left_out": _left_out(manifest.left_out),
        "secrets": list(manifest.secrets),
        "notes": list(done.notes),
    }


def taken_back(done: TakenBack) -> dict[str, object]:
    return {"workshop": done.workshop, "ok": True, "was_handed_over": done.was_handed_over}


def _left_out(found: list[LeftOut] | tuple[LeftOut, ...]) -> list[dict[str, str]]:
    return [one.model_dump() for one in found]


def _missing(left_out: list[LeftOut] | tuple[LeftOut, ...], secrets: list[str] | tuple[str, ...]) -> list[str]:
    lines = section("Not in it:", (f"{one.what}: {one.why}" for one in left_out))
    return lines + section("Secrets to be set where it goes on:", secrets)


def _exported(done: Exported) -> str:
    lines = [f"{done.workshop}: {done.file} ({done.size:,} bytes) has every key of the class, locked."]
    lines += section("With the state, from the spec's folder:", done.included)
    lines += _missing(done.left_out, done.secrets)
    last = (
        "Handed over: commands that change something refuse here from now on."
        if done.handed_over
        else "This is a copy: only one of you may change the class from now on (--hand-over makes sure)."
    )
    return "\n".join([*lines, "", AGAIN, last, f"The other one: workshop state import {done.file.name}"])


def _imported(done: Imported) -> str:
    manifest = done.manifest
    lines = [f"{manifest.workshop}: as {manifest.who} exported it on {manifest.at}.", f"Spec: {done.spec}"]
    lines += [f"State: {done.state}"]
    lines += section("Kept aside, what was there:", map(str, done.kept))
    lines += _missing(manifest.left_out, manifest.secrets) + section("Note:", done.notes)
    return "\n".join([*lines, "", f"Go on: workshop plan {done.spec}, then provision {done.spec}"])


def _taken_back(done: TakenBack) -> str:
    if not done.was_handed_over:
        return f"{done.workshop}: was not handed over."
    return f"{done.workshop}: goes on here. Make sure that nobody uses the copy that was handed over: delete that file."
