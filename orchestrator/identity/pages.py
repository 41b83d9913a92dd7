"""Whose each Open WebUI is, where participants or teams have one of their own. Pure.

Each has the number of its participant, or of the team's first: ids are given once, so that whatever follows from the
number stays the same when people come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.identity.participant import Participant
from orchestrator.labels import distinct, slug
from orchestrator.spec.models import Model
from orchestrator.spec.workshop import Workshop

SERVICE = "webui-"


@dataclass(frozen=True, slots=True)
class OwnPage:
    """An Open WebUI of one participant's own, or of a team's.

    `people` are all whose it ever was: the participant, or everybody in the team. `number` counts from 0.
    """

    service: str  # the Compose service
    team: str | None  # None: it is one participant's
    number: int
    people: tuple[Participant, ...]

    @property
    def caller(self) -> str:
        """What the gateway's log and `usage` call who asks there: `p01`, `team-red`."""
        return self.service.removeprefix(SERVICE)

    @property
    def members(self) -> tuple[Participant, ...]:
        """Those who sign in there, all of them administrators; none: it is not run."""
        return tuple(person for person in self.people if person.state != "removed")

    def holds(self, who: str) -> bool:
        """Whether the participant with this id signs in there."""
        return any(person.id == who for person in self.members)

    @property
    def active(self) -> tuple[Participant, ...]:
        """Those of them who may ask."""
        return tuple(person for person in self.people if person.state == "active")


def own_pages(workshop: Workshop, people: Sequence[Participant]) -> tuple[OwnPage, ...]:
    """In the order of `people`, who are all that ever took part; none where there is one for everybody, or none."""
    if workshop.webui.mode == "per_participant":
        return tuple(OwnPage(f"{SERVICE}{person.id}", None, _number(person), (person,)) for person in people)
    if workshop.webui.mode != "per_team":
        return ()
    by_team: dict[str, list[Participant]] = {}
    for person in people:
        if person.team:
            by_team.setdefault(person.team, []).append(person)
    names = distinct(by_team, lambda team: f"{SERVICE}team-{slug(team)}")
    return tuple(OwnPage(names[team], team, _number(those[0]), tuple(those)) for team, those in by_team.items())


def embedder_at(workshop: Workshop, page: OwnPage) -> Model | None:
    """What makes files searchable there; None: nothing, or nobody there may use it any more."""
    model = workshop.embedder
    return model if model and page.active and model.open_to(page.active[0].team) else None


def _number(person: Participant) -> int:
    return int(person.id[1:]) - 1
