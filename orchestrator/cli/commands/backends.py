"""`workshop backends`: what stands behind the models, and taking one out of the rotation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument, spec_with_others
from orchestrator.cli.running import running_spec

if TYPE_CHECKING:
    from orchestrator.workflow.backends import Backends

backends_argument = click.argument("names", metavar="BACKEND...", nargs=-1, required=True)


@click.group()
def backends() -> None:
    """Backends: which answer, how busy they are, and draining one."""


@backends.command("list")
@spec_argument
@practice_option
@common_options
def list_(spec: Path, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> None:
    """List backends with their model, their state and the requests that they answer now."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.backends import listed

    _emit(listed(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir), output)


@backends.command()
@spec_with_others
@backends_argument
@practice_option
@common_options
def drain(
    spec: Path, names: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Send no new requests to a backend; those under way go on. Every provision keeps it so."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.backends import drain as make_it_so

    _emit(make_it_so(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, names), output)


@backends.command()
@spec_with_others
@backends_argument
@practice_option
@common_options
def resume(
    spec: Path, names: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Let a drained backend take requests again."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.backends import resume as make_it_so

    _emit(make_it_so(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, names), output)


def document(seen: Backends) -> dict[str, object]:
    return {
        "workshop": seen.workshop,
        "ok": all(backend.state != "down" for backend in seen.backends),
        "backends": [asdict(backend) for backend in seen.backends],
        "notes": list(seen.notes),
    }


def _emit(seen: Backends, output: str) -> None:
    rows = [(b.name, b.model, b.state, "-" if b.in_flight is None else str(b.in_flight)) for b in seen.backends]
    text = "\n".join([table(("backend", "model", "state", "in flight"), rows), *section("Note:", seen.notes)])
    emit(document(seen), text=text, output=output)
