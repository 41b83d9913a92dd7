"""What people sign in with: from who they are, and from what the state knows of their accounts."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.identity.credentials import Credentials
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.instances import instance_of, instances
from orchestrator.state.state import State
from orchestrator.workflow.wanted.address import addresses


def credentials(identity: Identity, people: Iterable[Participant], state: State) -> tuple[Credentials, ...]:
    """In the order given."""
    accounts, where = state.accounts.all(), addresses(identity.workshop)
    own = instances(identity.workshop, identity.people)

    def page(person: Participant) -> str | None:
        instance = instance_of(own, person)
        return where.page(instance) if instance else where.webui

    return tuple(
        identity.credentials(person, api_base=where.api_base, page=page(person), account=accounts.get(person.id))
        for person in people
    )
