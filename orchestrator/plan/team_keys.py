"""A key for each team's own Open WebUI: what its members ask there counts for the team. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from pydantic import SecretStr

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.plan.deployment import Instance
from orchestrator.plan.gateway import Caller, CallerLimits
from orchestrator.plan.instances import instances
from orchestrator.plan.limits import limits_of
from orchestrator.spec.workshop import Workshop


def caller_id(instance: Instance) -> str:
    """What the gateway's log and `usage` call the team: `team-red`."""
    return instance.service.removeprefix("webui-")


def team_key(secret: bytes, instance: Instance, people: Sequence[Participant]) -> SecretStr:
    """With which a team's Open WebUI asks."""
    return key_of_many(secret, caller_id(instance), instance, people)


def key_of_many(secret: bytes, caller: str, instance: Instance, people: Sequence[Participant]) -> SecretStr:
    """Every member can read it there, so it is another one for each set of people who are out."""
    out = sorted(person.id for person in people if person.team == instance.team and person.state != "active")
    return keys.api_key(secret, ",".join((caller, *out)), 1)


def team_callers(workshop: Workshop, people: Sequence[Participant], secret: bytes) -> Iterator[Caller]:
    """One for each team that has an Open WebUI of its own, and somebody active in it."""
    if workshop.webui.mode != "per_team" or workshop.webui.bare:
        return
    for instance in instances(workshop, people):
        active = [person for person in people if person.id in instance.members and person.state == "active"]
        if active:
            yield Caller(
                id=caller_id(instance),
                key_hashes=(keys.fingerprint(team_key(secret, instance, people)),),
                models=tuple(model.name for model in workshop.listed if model.open_to(instance.team)),
                limits=_together([limits_of(workshop.limits, person) for person in active]),
                exempt=instance.team in workshop.instructors,
            )


def _together(each: Sequence[CallerLimits]) -> CallerLimits:
    """What the members may ask, added up; unbounded where one of them is."""
    sums = {}
    for field in fields(CallerLimits):
        bounds = [getattr(limits, field.name) for limits in each]
        sums[field.name] = None if None in bounds else sum(bounds)
    return CallerLimits(**sums)
