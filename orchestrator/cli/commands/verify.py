"""`workshop verify SPEC`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.display import Progress, emit, table
from orchestrator.cli.options import common_options, practice_option, spec_argument
from orchestrator.cli.running import running_spec

NOT_VERIFIED = 4


@click.command()
@spec_argument
@practice_option
@common_options
def verify(spec: Path, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> int:
    """Ask what participants will ask, and what must fail. Exit code 4 if anything is off."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.verify import verify as ask

    loaded = running_spec(spec, state_dir, practice=practice)
    with Progress(verbose=verbose) as progress:
        progress.step("Asking as a participant")
        checks = ask(
            loaded, read_settings(), state_dir, lambda check: progress.say(f"{check.name}, {check.target}: {check.got}")
        )
    ok = all(check.ok for check in checks)
    rows = [
        (
            "ok" if c.ok else "FAILED",
            c.name,
            c.target,
            c.got if c.ok else f"{c.got} (expected {c.expected})",
            f"{c.seconds:.2f}",
        )
        for c in checks
    ]
    good = sum(check.ok for check in checks)
    text = "\n".join([table(("", "asked", "where", "came", "s"), rows), "", f"{good} of {len(checks)} checks passed."])
    document = {"workshop": loaded.workshop.name, "ok": ok, "checks": [check.as_dict() for check in checks]}
    emit(document, text=text, output=output)
    return 0 if ok else NOT_VERIFIED
