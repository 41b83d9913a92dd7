"""`workshop usage SPEC`."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument
from orchestrator.cli.running import running_spec
from orchestrator.local_time import moments

if TYPE_CHECKING:
    from orchestrator.usage.report import Row
    from orchestrator.workflow.usage import Usage

HOSTS_FAILED = 3
BY = ("participant", "team", "model", "hour", "via", "backend")
FIGURES = ("requests", "prompt", "completion", "estimated", "errors", "refused", "aborted", "first p50", "first p95")
YEARS = range(2000, 3000)  # an offset can be added to them
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    """ISO 8601, or how long ago."""
    if value is None:
        return None
    try:
        if ago := re.fullmatch(r"([0-9]{1,5})([mhd])", value):
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is not a time: write 2026-12-01T09:00, or 2h for two hours ago") from None
    if moment.year not in YEARS:
        raise click.BadParameter(f"expected a year from {YEARS[0]} to {YEARS[-1]}, got {value!r}")
    return moment


@click.command()
@spec_argument
@practice_option
@click.option(
    "--by",
    type=click.Choice(BY),
    multiple=True,
    default=("participant", "model"),
    show_default=True,
    help="What to add up by; may be given several times.",
)
@click.option(
    "--since", metavar="TIME", callback=_moment, help="From then on: 2026-12-01T09:00, or 2h for two hours ago."
)
@click.option("--until", metavar="TIME", callback=_moment, help="Before then.")
@click.option("--all", "own", is_flag=True, help="Also what the program itself asked: verify, Open WebUI, rehearse.")
@click.option("--csv", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write a CSV into this file too.")
@click.option("--collect/--no-collect", default=True, show_default=True, help="Look into the gateway's log first.")
@common_options
def usage(
    spec: Path,
    *,
    practice: bool,
    by: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    own: bool,
    file: Path | None,
    collect: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> int:
    """Show requests, tokens, errors and waiting times by participant, team, model, hour."""
    from orchestrator.settings import read_settings
    from orchestrator.usage.report import By, Question
    from orchestrator.usage.table import write_csv
    from orchestrator.workflow.usage import usage as look

    keys = tuple(By(key) for key in dict.fromkeys(by))
    question = Question(by=keys, names={}, since=since, until=until, own=own)
    seen = look(
        running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, question, collecting=collect
    )
    if file:
        write_csv(file, seen.rows)
    emit(document(seen), text=_text(seen, file), output=output)
    if seen.problem:
        click.secho(str(seen.problem), fg="red", err=True)
    return HOSTS_FAILED if seen.problem else 0


def document(seen: Usage) -> dict[str, object]:
    since, until = seen.question.since, seen.question.until
    return {
        "workshop": seen.workshop,
        "ok": seen.problem is None,
        "by": [str(key) for key in seen.question.by],
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "rows": [asdict(row) for row in seen.rows],
        "total": asdict(seen.total),
        "collected": seen.collected,
        "unreadable": seen.unreadable,
        "problem": seen.problem.as_dict() if seen.problem else None,
    }


def _text(seen: Usage, file: Path | None) -> str:
    keys = [str(key) for key in seen.question.by]
    named = ["participant", "name"] if "participant" in keys else []
    columns = [*named, *(key for key in keys if key != "participant")]
    if not seen.rows:
        lines = [f"{seen.workshop}: nobody has asked anything yet."]
    else:
        zone = seen.question.zone
        rows = [[*(_key(row, column, zone) for column in columns), *_figures(row)] for row in seen.rows]
        rows.append(["total", *[""] * (len(columns) - 1), *_figures(seen.total)])
        lines = [table([*columns, *FIGURES], rows)]
    refused = [f"{number:>7,}  {reason}" for reason, number in seen.total.refused_by_reason.items()]
    notes = [f"{seen.unreadable:,} lines of the gateway's log could not be read."] if seen.unreadable else []
    if file:
        notes.append(f"Written: {file}")
    return "\n".join([*lines, *section("Refused:", refused), *([""] if notes else []), *notes])


def _key(row: Row, column: str, zone: tzinfo | None) -> str:
    value = getattr(row, column)
    if column == "hour" and value:
        return _hour(datetime.fromisoformat(value), zone)
    return "-" if value is None else "".join(letter if letter.isprintable() else "\ufffd" for letter in value)


def _hour(begins: datetime, zone: tzinfo | None) -> str:
    """As clocks there show it; with its offset where they show it twice."""
    shown = begins.replace(tzinfo=None)
    text = begins.isoformat(" ", timespec="minutes")
    return text if len(moments(shown, zone)) > 1 else f"{shown:%Y-%m-%d %H:%M}"


def _figures(row: Row) -> list[str]:
    tokens = f"{row.prompt_tokens:,}", f"{row.completion_tokens:,}"
    counts = (f"{number:,}" for number in (row.estimated, row.errors, row.refused, row.aborted))
    return [f"{row.requests:,}", *tokens, *counts, _seconds(row.ttft_p50), _seconds(row.ttft_p95)]


def _seconds(time: float | None) -> str:
    return "-" if time is None else f"{time:.2f} s"
