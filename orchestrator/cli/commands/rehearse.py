"""`workshop rehearse SPEC`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, table
from orchestrator.cli.options import common_options, practice_option, spec_argument
from orchestrator.cli.running import running_spec

if TYPE_CHECKING:
    from orchestrator.checks.rehearsal.figures import Spread
    from orchestrator.checks.rehearsal.result import Rehearsal, StepResult

NOT_SERVED = 4
MINUTES = 10


@click.command()
@spec_argument
@practice_option
@click.option("--people", type=click.IntRange(1, 900), help="How many [default: as many as take part].")
@click.option("--minutes", type=click.FloatRange(0, 240, min_open=True), help=f"It ends then [default: {MINUTES}].")
@click.option("--seconds", type=click.FloatRange(1), help="The same in seconds.")
@click.option("--tokens", type=click.IntRange(8, 8192), default=128, show_default=True, help="Of one answer, at most.")
@click.option("--budget", type=click.IntRange(100), help="Tokens in all, at most [default: 6000 for each person].")
@click.option("--model", "models", multiple=True, help="Ask this one; again for more [default: all own engines'].")
@click.option(
    "--webui-share",
    type=click.IntRange(0, 100),
    help="Per cent of the people who sign in to Open WebUI [default: 50]; the others use the API.",
)
@click.option(
    "--first-token", type=click.FloatRange(0.01), default=2, show_default=True, help="Seconds until it, at most."
)
@click.option(
    "--tokens-per-second", type=click.FloatRange(0.1), default=15, show_default=True, help="Of one answer, at least."
)
@click.option(
    "--share", type=click.IntRange(1, 100), default=95, show_default=True, help="Per cent of the answers within both."
)
@click.option(
    "--think", type=click.FloatRange(0, 600), default=4, show_default=True, help="Seconds between two questions."
)
@click.option("--no-limits", is_flag=True, help="Without the limits that participants have.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="Another folder for JSON and picture.")
@common_options
def rehearse(
    spec: Path,
    *,
    practice: bool,
    people: int | None,
    minutes: float | None,
    seconds: float | None,
    tokens: int,
    budget: int | None,
    models: tuple[str, ...],
    webui_share: int | None,
    first_token: float,
    tokens_per_second: float,
    share: int,
    think: float,
    no_limits: bool,
    to: Path | None,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> int:
    """The whole class at once, before it comes: how many people are served, and what limits it.

    Simulated people with keys and accounts of their own ask over the API and over Open WebUI: one, two, four, until
    it is too many or all have asked. Nothing of them is left behind. Exit code 4 if the class is not served.
    """
    from orchestrator.checks.rehearsal.values import Bounds
    from orchestrator.settings import read_settings
    from orchestrator.workflow.rehearsal.plan import Asked
    from orchestrator.workflow.rehearse import rehearse as play

    if minutes is not None and seconds is not None:
        raise click.UsageError("--minutes and --seconds say the same: give one of them.")
    asked = Asked(
        people=people,
        seconds=seconds if seconds is not None else 60 * (minutes if minutes is not None else MINUTES),
        tokens=tokens,
        budget=budget,
        models=models,
        webui_percent=webui_share,
        think=think,
        limited=not no_limits,
        bounds=Bounds(first_token, tokens_per_second, share / 100),
        to=to,
    )
    with Progress(verbose=verbose) as progress:
        done, document = play(
            running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, asked, progress
        )
    emit(document, text=text(done, document), output=output)
    return 0 if done.ok else NOT_SERVED


def text(done: Rehearsal, document: dict[str, object]) -> str:
    """The answer first, then the figures."""
    from orchestrator.checks.rehearsal.verdict import notes, verdict

    said = verdict(done)
    lines = [f"{said.answer}."]
    lines += [f"{said.limit[0].upper()}{said.limit[1:]}."] if said.limit else []
    lines += [f"To do: {advice}." for advice in said.advice]
    header = ("people", "in time", "first token (s)", "tokens/s", "together", "waiting", "failed")
    steps = sorted(done.steps, key=lambda step: step.people)
    lines += ["", table(header, [_row(step) for step in steps])] if steps else []
    lines += ["first token: half, 95 % and 99 % of the answers within; tokens/s: half, 95 % of the answers at least."]
    if done.sign_in:
        most = f"half within {done.sign_in.p50:.1f} s, 95 % within {done.sign_in.p95:.1f} s"
        lines.append(f"{len(done.sign_ins)} signed in at once: {most}.")
    asked = f"{done.over['gateway']} over the API, {done.over['webui']} over Open WebUI"
    tokens = done.prompt_tokens + done.completion_tokens
    lines.append(f"{asked}; {', '.join(done.models)}; {tokens} tokens in {done.seconds:.0f} s.")
    lines += [f"Note: {note}" for note in notes(done)]
    files = document["files"]
    if isinstance(files, dict):
        lines += ["", *(str(path) for path in files.values())]
    return "\n".join(lines)


def _row(step: StepResult) -> tuple[str, ...]:
    found = step.figures
    reasons = ", ".join(f"{count} x {reason}" for reason, count in found.errors.items())
    waiting = max((queue.waiting_max for queue in step.queues if queue.waiting_max is not None), default=None)
    return (
        str(step.people),
        f"{found.share * 100:.0f} %" + (f" (ended: {step.stopped})" if step.stopped else ""),
        _figures(found.first_token, 2, all_three=True),
        _figures(found.rate, 0),
        f"{step.tokens_per_second:.0f}",
        "-" if waiting is None else f"{waiting:.0f}",
        reasons,
    )


def _figures(found: Spread | None, digits: int, *, all_three: bool = False) -> str:
    if found is None:
        return "-"
    values = (found.p50, found.p95, found.p99) if all_three else (found.p50, found.p95)
    return " / ".join(f"{value:.{digits}f}" for value in values)
