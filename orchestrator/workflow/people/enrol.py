"""Step: everybody whom the spec names has an id, and with it a key."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.errors import UserError
from orchestrator.state.seats import PersonChange, Reconciliation
from orchestrator.workflow.archives.leavers import archive_leaver
from orchestrator.workflow.context.open import seats
from orchestrator.workflow.context.run import Run

STAYS = (
    "{who} is not in the spec any more and stays, with key and account: {why}. Run provision again, or go on without"
    " an archive: workshop participants remove SPEC {id} --without-archive"
)


def enrol(run: Run) -> Run:
    """Who is not named any more is out once their chats are archived; who can't be archived stays."""
    wanted = seats(run.spec)
    run, kept = _archived(run, run.state.people.preview(wanted))
    result = run.state.people.reconcile(wanted, kept)
    return run.changed(*(describe(change) for change in result.changes))


def _archived(run: Run, foreseen: Reconciliation) -> tuple[Run, frozenset[str]]:
    """The second: ids of who stays."""
    leaving = [change.before for change in foreseen.changes if change.kind == "removed" and change.before]
    if not leaving:
        return run, frozenset()
    workshop, kept = run.spec.workshop.name, set[str]()
    there = run.front.docker.containers(workshop)
    mails = {person.webui_email(workshop) for person in foreseen.participants}
    for person in leaving:
        try:
            made = archive_leaver(run.spec, run.state, there, person, run.report)
        except UserError as problem:
            who = f"{person.id} ({person.name})" if person.name else person.id
            if person.webui_email(workshop) in mails:  # the account goes on, chats and all, as it is by mails
                run = replace(run, notes=(*run.notes, f"{problem.message}; somebody else has the account of {who} now"))
                continue
            kept.add(person.id)
            run.report.say(line := STAYS.format(who=who, why=problem.message, id=person.id))
            run = replace(run, broken=(*run.broken, line))
        else:
            run = run.changed(f"archive of {person.id}: {made.file}") if made else run
    return run, frozenset(kept)


def describe(change: PersonChange) -> str:
    """`p07: added (Ada)`."""
    name = f" ({change.after.name})" if change.after.name else ""
    return f"participant {change.after.id}: {change.kind}{name}"
