"""`workshop plan SPEC`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument

if TYPE_CHECKING:
    from orchestrator.workflow.changes.change import Change
    from orchestrator.workflow.plan import Placement, Plan

CHANGES = 10
MOST_PEOPLE = 5  # changes of them, each on a line of its own


@click.command()
@spec_argument
@practice_option
@click.option("--exit-code", is_flag=True, help="Exit with 10 when something would change.")
@common_options
def plan(spec: Path, *, practice: bool, exit_code: bool, output: str, state_dir: Path | None, verbose: bool) -> int:
    """Say what provision would change, where each model goes, and whether it fits. Touches nothing."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load
    from orchestrator.workflow.plan import make_plan

    made = make_plan(load(spec, practice=practice or None), read_settings(), state_dir)
    emit(document(made), text=_text(made), output=output)
    return CHANGES if exit_code and made.changes else 0


def document(made: Plan) -> dict[str, object]:
    from orchestrator.engines.size import MIB

    return {
        "workshop": made.workshop,
        "ok": True,
        "changes": [
            {"action": c.action, "what": c.what, "name": c.name, "host": c.host, "detail": c.detail}
            for c in made.changes
        ],
        "backends": [
            {
                "model": b.model,
                "replica": b.replica,
                "service": b.service,
                "engine": b.engine,
                "runs": b.runs,
                "host": b.host,
                "gpus": list(b.gpus),
                "memory_gib": None if b.memory_gib is None else round(b.memory_gib, 2),
                "host_memory_mib": None if b.holds is None else round(b.holds / MIB),
                "host_memory_limit_mib": b.limit_mib,
                "serves": asdict(b.serves) if b.serves else None,
                "parsers": asdict(b.parsers) if b.parsers else None,
                "people": b.people,
            }
            for b in made.backends
        ],
        "at_once": made.at_once,
        "notes": list(made.notes),
    }


def _text(made: Plan) -> str:
    rows = [_row(b) for b in made.backends]
    header = ("model", "replica", "engine", "runs", "host", "GPUs", "memory", "at once", "people")
    lines = [table(header, rows)] if rows else ["No model runs on a host of this workshop."]
    lines += section("At once, as reckoned (docs/capacity.md):", _assumptions(made))
    lines += section("Memory of the hosts (docs/capacity.md):", _host_memory(made))
    lines += section("Parsers (models[].tools, models[].reasoning):", _parsers(made))
    lines += section("Note:", made.notes)
    if not made.changes:
        return "\n".join([*lines, "", "Nothing would change."])
    number = len(made.changes)
    return "\n".join([*lines, *section(f"{number} change{'' if number == 1 else 's'}:", _lines(made.changes))])


def _row(b: Placement) -> tuple[str, ...]:
    gpus, memory = ", ".join(map(str, b.gpus)) or "-", "-" if b.memory_gib is None else f"{b.memory_gib:.1f} GiB"
    able = "-" if b.serves is None else "cannot estimate" if b.serves.requests is None else str(b.serves.requests)
    people = "-" if b.people is None else str(b.people)
    return (b.model, str(b.replica), b.engine, b.runs, b.host, gpus, memory, able, people)


def _lines(changes: Sequence[Change]) -> list[str]:
    """One for each, but people in one: the rest would be lost among hundreds."""
    lines: list[str] = []
    for (action, what), group in groupby(changes, key=lambda change: (change.action, change.what)):
        same = list(group)
        if what == "participant" and len(same) > MOST_PEOPLE:
            lines.append(f"{action} {len(same)} participants: {same[0].name} to {same[-1].name}")
        else:
            lines += map(str, same)
    return lines


def _host_memory(made: Plan) -> list[str]:
    """What is held and what is let be taken, together on each host; engines without a limit are named."""
    from orchestrator.engines.size import MIB, gib

    lines = []
    for host, group in groupby(sorted(made.backends, key=lambda b: b.host), key=lambda b: b.host):
        backends = list(group)
        known = [b for b in backends if b.holds is not None and b.limit_mib is not None]
        held, most = sum(b.holds or 0 for b in known), sum((b.limit_mib or 0) * MIB for b in known)
        if known:
            lines.append(f"{host}: engines hold {gib(held)} once they are up; together they are let take {gib(most)}")
        unknown = ", ".join(dict.fromkeys(b.model for b in backends if b not in known))
        if unknown:
            lines.append(f"{host}: not known of {unknown}, so no limit is set: say size (models[].size)")
    return lines


def _parsers(made: Plan) -> list[str]:
    return list(dict.fromkeys(f"{b.model}: {b.parsers}" for b in made.backends if b.parsers))


def _assumptions(made: Plan) -> list[str]:
    """What the figures count with, and for which models."""
    lines: dict[str, dict[str, None]] = {}
    for b in made.backends:
        if b.serves is None:
            continue
        if b.serves.requests is None:
            text = f"cannot estimate: {b.serves.why}"
        else:
            text = f"requests of {b.serves.request_tokens} tokens, prompt and answer together; from {b.serves.origin}"
        lines.setdefault(text, {})[b.model] = None
    told = [f"{', '.join(models)}: {text}" for text, models in lines.items()]
    people = f"people: where {made.at_once:.0%} of them ask in the same moment (capacity.at_once)"
    return [*told, people] if any(b.people is not None for b in made.backends) else told
