"""`workshop validate SPEC`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.display import emit
from orchestrator.cli.options import common_options, spec_argument


@click.command()
@spec_argument
@common_options
def validate(spec: Path, *, output: str, state_dir: Path | None, verbose: bool) -> int:
    """Check SPEC and the files it names: all problems, each with its line, and what is better done otherwise.

    An inventory that is a program, or asks one, is not run: `workshop preflight` does that.
    """
    from orchestrator.errors import SpecError, UserError
    from orchestrator.plan.remarks import spec_remarks
    from orchestrator.spec.loader import InventoryUse, load
    from orchestrator.workflow.validate import problems as found_wrong

    problems: list[UserError] = []
    name: str | None = None
    unread: str | None = None
    notes: tuple[str, ...] = ()
    try:
        loaded = load(spec, inventory=InventoryUse.WITHOUT_PROGRAMS)
    except SpecError as error:
        problems.extend(error.problems)
    else:
        name = loaded.workshop.name
        unread = loaded.unread
        problems += found_wrong(loaded)
        notes = spec_remarks(loaded)
    document = {
        "workshop": name,
        "ok": not problems,
        "errors": [problem.as_dict() for problem in problems],
        "unread": unread,
        "notes": list(notes),
    }
    if problems and output == "text":
        for problem in problems:
            click.secho(str(problem), fg="red", err=True)
        return 1
    beside = f", but for the hosts of its inventory, which was not read: {unread}" if unread else ""
    emit(document, text="\n".join((f"{spec}: valid{beside}", *notes)), output=output)
    return 1 if problems else 0
