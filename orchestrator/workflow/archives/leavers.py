"""The chats of who leaves, by a command or by an edit of the roster: in a file before key and account are closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import WEBUI_SERVICE
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.archive import Archived, archive_person
from orchestrator.workflow.archives.first import require_whole
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.people.own_pages import of_people

DOWN = "webui_down"


def leaves_chats(spec: Spec, state: State, person: Participant) -> bool:
    """Whether there may be any: not without an account, and not in one that is the person's own."""
    account = state.accounts.get(person.id)
    if spec.workshop.webui.mode == "none" or account is None or account.theirs:
        return False
    return spec.workshop.webui.is_shared or bool(of_people(spec, state, [person]))


def archive_leaver(
    spec: Spec, state: State, there: Mapping[str, ContainerState], person: Participant, report: Report
) -> Archived | None:
    """None: there is nothing of theirs. `there` are the containers of the gateway's host.

    Raises UserError `webui_down`, and `archive_failed` where something could not be had: what was is in the file.
    """
    if not leaves_chats(spec, state, person):
        return None
    webui = spec.workshop.webui
    pages = {one.service for one in of_people(spec, state, [person])} if webui.is_own else {WEBUI_SERVICE}
    why = f"the chats of {person.id} could not be archived"
    if not webui.is_elsewhere and not all(service in there and there[service].is_up for service in pages):
        raise UserError(DOWN, f"{why}: Open WebUI does not run")
    report.say(f"archiving the chats of {person.id}")
    made = archive_person(spec, state, person, _Within(report))
    require_whole(made, why)
    return made


@dataclass(frozen=True, slots=True)
class _Within:
    """Lines of a step that goes on: what an archive calls steps are none of the whole command."""

    report: Report

    def step(self, title: str) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        self.report.say(line)
