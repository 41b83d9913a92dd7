"""Every Open WebUI of a class as its administrator sees it: the shared one, or those of participants' or teams' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.plan.instances import instances
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.workflow.archives.gathering import Gathering
from orchestrator.workflow.people import elsewhere
from orchestrator.workflow.people.own_pages import administrator_at, of_people
from orchestrator.workflow.people.seed import administrator


@dataclass(frozen=True, slots=True)
class View:
    """`service` is its container's; `users` are its accounts as it lists them."""

    service: str
    webui: WebUI
    users: Sequence[Mapping[str, object]]


def views(gathering: Gathering, spec: Spec, state: State, person: Participant | None = None) -> tuple[View, ...]:
    """Of all, or where this person has an account. One that can't be had is named; none, where the class has none."""
    found = []
    for service, enter in _doors(spec, state, person):
        gathering.report.step(f"Open WebUI ({service})" if spec.workshop.webui.is_own else "Open WebUI")
        try:
            webui = enter()
            found.append(View(service, webui, _of_the_class(spec, state, webui.get("/api/v1/users/all")["users"])))
        except UserError as problem:
            of = f" ({service})" if spec.workshop.webui.is_own else ""
            gathering.lacks(f"all of Open WebUI{of}: chats, knowledge, roles", problem)
    return tuple(found)


def _of_the_class(spec: Spec, state: State, users: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """At a server of others only accounts that the workshop made: what else is there is nobody's of the class."""
    if not spec.workshop.webui.is_elsewhere:
        return users
    made = elsewhere.made(state)
    return [user for user in users if user["id"] in made]


def _doors(spec: Spec, state: State, person: Participant | None) -> Iterator[tuple[str, Callable[[], WebUI]]]:
    if spec.workshop.webui.is_shared:
        yield "webui", partial(administrator, spec, state)
    elif spec.workshop.webui.is_own:
        all_ = instances(spec.workshop, state.people.all()) if person is None else of_people(spec, state, [person])
        for instance in all_:
            if instance.runs:
                yield instance.service, partial(administrator_at, spec, state, instance)
