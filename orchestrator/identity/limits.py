"""How much one caller may ask: the default with what the spec changes for a team and for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from orchestrator.identity.participant import Participant
from orchestrator.spec.limits import Bounds, Limits


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """Bounds for one caller, with all models or with one; None: unbounded."""

    requests_per_minute: int | None = None
    concurrent_requests: int | None = None
    tokens_per_minute: int | None = None
    token_budget: int | None = None


UNBOUNDED = CallerLimits()


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


def limits_together(each: Iterable[CallerLimits]) -> CallerLimits:
    """What several may ask, added up; unbounded where one of them is."""
    those, sums = list(each), {}
    for field in fields(CallerLimits):
        bounds = [getattr(limits, field.name) for limits in those]
        sums[field.name] = None if None in bounds else sum(bounds)
    return CallerLimits(**sums)
