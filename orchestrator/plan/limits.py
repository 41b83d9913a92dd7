"""How much one participant may ask: the default with what the spec changes for a team and for a person. Pure."""

from __future__ import annotations

from orchestrator.participants import Participant
from orchestrator.plan.gateway import CallerLimits
from orchestrator.spec.limits import Bounds, Limits


def limits_of(limits: Limits, person: Participant) -> CallerLimits:
    """Field by field: what is given for the person counts first, then for the team, then the default.

    A person may stand there by mail and by id; what is given by id counts first.
    """
    team = limits.teams.get(person.team) if person.team else None
    by_mail = limits.persons.get(person.email.lower()) if person.email else None
    by_id = limits.persons.get(person.id.lower())
    given = limits.default
    for bounds in (team, by_mail, by_id):
        given |= bounds.given if bounds else {}
    return CallerLimits(**given)


def limits_at(bounds: Bounds) -> CallerLimits:
    """What a model adds; a field that does not stand there adds nothing."""
    return CallerLimits(**bounds.given)
