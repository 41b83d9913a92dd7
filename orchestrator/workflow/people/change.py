"""Changes to people while the class runs: the state, then the gateway, then Open WebUI, then cards.

Killed between any two of them, the same command or the next `provision` does the rest. Only the first two are under the
lock, and they plan nothing: a revocation holds within a moment, whoever else is at work and whatever the spec says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.ownership import require_ownership
from orchestrator.handouts.folder import write_cards
from orchestrator.identity.credentials import Credentials
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import WEBUI_SERVICE
from orchestrator.plan.instances import instances
from orchestrator.plan.remarks import team_slips
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.lock import people_lock
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import at_front
from orchestrator.workflow.context.open import identity_of, provisioned_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.gateway.live import bring_into_effect
from orchestrator.workflow.gateway.served import served_natively
from orchestrator.workflow.gateway.standing import require_newest, rules_there, standing_policy
from orchestrator.workflow.people.commands import Command, Told
from orchestrator.workflow.people.credentials import credentials
from orchestrator.workflow.people.print import handout, handouts
from orchestrator.workflow.people.seed import seed_changed, seed_own_changed

if TYPE_CHECKING:
    from orchestrator.workflow.archive import Archived

BEHIND = ("Open WebUI is reached through the gateway: provision brings the accounts in line",)
NOT_ARCHIVED = "Open WebUI does not run, so nothing of {people} was archived: the chats stay in closed accounts"
MOST_IN_A_NAME = 6  # people whose ids stand in the name of a file


@dataclass(frozen=True, slots=True)
class Changed:
    """What the instructor is told at the end."""

    people: tuple[Credentials, ...]
    told: tuple[Told, ...]
    notes: tuple[str, ...]  # what is not in effect yet, and when it will be; what looks like a slip
    cards: Path | None  # of these people alone
    archives: tuple[Path, ...] = ()  # of those who were removed


def change(spec: Spec, settings: Settings, state_dir: Path | None, report: Report, command: Command) -> Changed:
    """Raises UserError `not_provisioned`, `participant_unknown` and others before anything is changed."""
    if command.needs_webui and spec.workshop.webui.mode == "none":
        raise spec.problem(("webui",), "no_webui", "this workshop has no Open WebUI, so nobody has a password", None)
    folder = provisioned_folder(spec, state_dir, settings)
    with State.open(folder) as state, at_front(spec, settings, state.deployed.hosts()) as front:
        report.step("Participants")
        archived, unarchived = _archived(spec, state, front, report, command)
        told, notes = _decided(spec, settings, state, front, report, command)
        people = tuple(one.person for one in told)
        trouble: UserError | None = None
        webui = spec.workshop.webui
        with _printing_early(spec, settings, state):
            if (command.accounts and webui.is_shared) or (webui.is_own and (command.accounts or not webui.bare)):
                report.step("Open WebUI")
                try:
                    notes += _accounts(spec, settings, state, front, people, report) if not notes else BEHIND
                except UserError as problem:
                    trouble = problem  # cards and keys are as good without it
        report.step("Cards")
        _take_away_cards(folder.handouts, {person.id for person in people})
        cards = _print(spec, settings, state, people if command.cards else ())
        if trouble:
            raise trouble
        found = credentials(identity_of(spec, state), people, state)
        slips = team_slips(spec.workshop, people) if command.name == "add" else ()
        return Changed(found, told, (*unarchived, *notes, *slips), cards, tuple(one.file for one in archived))


def _decided(
    spec: Spec, settings: Settings, state: State, front: Machine, report: Report, command: Command
) -> tuple[tuple[Told, ...], tuple[str, ...]]:
    """In the state and at the gateway; the second: notes on what is not in effect yet."""
    name = f"participants {command.name}"
    with people_lock(state.folder):
        provisioned_folder(spec, state.folder.path.parent, settings)  # a teardown may have held the lock
        there = rules_there(front)
        if state.meta:
            require_ownership(front.name, there.owner, state.meta.deployment_id)
        require_newest(state, standing_policy(there), front.name, spec.file)
        with state.transaction():
            told = command.decide(state)
            state.events.add(name, "; ".join(f"{t.person.id}: {t.what}" for t in told))
        report.step("Gateway")
        return told, bring_into_effect(spec, state, front, people=[one.person for one in told], there=there)


def _archived(
    spec: Spec, state: State, front: Machine, report: Report, command: Command
) -> tuple[tuple[Archived, ...], tuple[str, ...]]:
    """The second: a note where Open WebUI does not run."""
    if not command.archives or spec.workshop.webui.mode == "none":
        return (), ()
    from orchestrator.workflow.archives.leavers import DOWN, archive_leaver

    people = [person for person in state.people.named(command.archives) if person.state != "removed"]
    there = front.docker.containers(spec.workshop.name) if people else {}
    found: list[Archived] = []
    down: list[str] = []
    for person in people:
        try:
            made = archive_leaver(spec, state, there, person, report)
        except UserError as problem:
            if problem.code != DOWN:
                why = f"nobody was removed, as {problem.message}"
                raise UserError(problem.code, why, where=problem.where, hint=problem.hint) from None
            down.append(person.id)
        else:
            found += [made] if made else []
    return tuple(found), (NOT_ARCHIVED.format(people=", ".join(down)),) if down else ()


def _accounts(
    spec: Spec, settings: Settings, state: State, front: Machine, people: Sequence[Participant], report: Report
) -> tuple[str, ...]:
    if spec.workshop.webui.is_own:
        there = front.docker.containers(spec.workshop.name)
        return _own_pages(spec, settings, state, there, people, report)
    if spec.workshop.webui.is_here and not front.docker.runs(spec.workshop.name, WEBUI_SERVICE):
        return ("Open WebUI does not run: provision brings the accounts in line",)
    seed_changed(spec, state, people, settings, report.say)
    return ()


def _own_pages(
    spec: Spec,
    settings: Settings,
    state: State,
    there: Mapping[str, ContainerState],
    people: Sequence[Participant],
    report: Report,
) -> tuple[str, ...]:
    """Those that run. One for somebody new is started, and that of somebody who left is removed, by `provision`."""
    done = seed_own_changed(spec, state, people, there, settings, report.say)
    found = instances(spec.workshop, state.people.all())
    gone = [one.service for one in found if not one.runs and one.service in there]
    notes = [f"{service}: {why}: provision starts it, and brings it in line" for service, why in done.failed.items()]
    notes += [f"{service} goes on, without a key, until provision removes it" for service in gone]
    return tuple(notes)


def _take_away_cards(handouts: Path, changed: set[str]) -> None:
    """Of earlier commands, with one of these people on them: somebody in a hurry would print them again."""
    for file in handouts.glob("cards-*.pdf"):
        if changed & set(file.stem.split("-")):
            file.unlink(missing_ok=True)


@contextmanager
def _printing_early(spec: Spec, settings: Settings, state: State) -> Iterator[None]:
    """The whole set is written while Open WebUI is asked: afterwards it mostly turns out to be right already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        printing = pool.submit(lambda: handouts(spec, state, served_natively(spec, state, settings)))
        yield
        with suppress(UserError):  # told where it is written again
            printing.result()


def _print(spec: Spec, settings: Settings, state: State, people: Sequence[Participant]) -> Path | None:
    """The whole set again, and a file for these people alone."""
    native = served_natively(spec, state, settings)
    handouts(spec, state, native)
    active = tuple(person for person in people if person.state == "active")
    if not active:
        return None
    file = state.folder.handouts / f"cards-{_names(active)}.pdf"
    write_cards(file, handout(spec, state, active, native))
    return file


def _names(people: Sequence[Participant]) -> str:
    ids = [person.id for person in people]
    return "-".join(ids) if len(ids) <= MOST_IN_A_NAME else f"{ids[0]}-and-{len(ids) - 1}-more"
