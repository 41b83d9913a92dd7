"""Step: everybody whom the spec names has an id, and with it a key."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.state.seats import PersonChange
from orchestrator.workflow.context.open import seats
from orchestrator.workflow.context.run import Run


def enrol(run: Run) -> Run:
    result = run.state.people.reconcile(seats(run.spec))
    run = replace(run, people=tuple(row.participant for row in result.rows))
    return run.changed(*(describe(change) for change in result.changes))


def describe(change: PersonChange) -> str:
    """`p07: added (Ada)`."""
    name = f" ({change.after.name})" if change.after.name else ""
    return f"participant {change.after.id}: {change.kind}{name}"
