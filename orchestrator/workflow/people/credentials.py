"""What each participant signs in with: derived from the state, never stored but for Open WebUI's own keys."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.participants import Credentials, Participant
from orchestrator.plan.instances import instance_of, instances
from orchestrator.plan.policy import key_of, models_for
from orchestrator.spec.workshop import Workshop
from orchestrator.state.accounts import AccountRecord
from orchestrator.state.state import State
from orchestrator.workflow.people.accounts import webui_password
from orchestrator.workflow.wanted.address import Addresses


def credentials(
    workshop: Workshop, people: Iterable[Participant], state: State, addresses: Addresses
) -> tuple[Credentials, ...]:
    """In the order given. A removed participant has none; a revoked one has those that do not work now."""
    accounts = state.accounts.all()
    own = instances(workshop, state.people.all())

    def page(person: Participant) -> str | None:
        instance = instance_of(own, person)
        return addresses.page(instance) if instance else addresses.webui

    return tuple(
        _one(workshop, person, state.secret, accounts.get(person.id), addresses.api_base, page(person))
        for person in people
    )


def _one(
    workshop: Workshop,
    person: Participant,
    secret: bytes,
    account: AccountRecord | None,
    api_base: str,
    page: str | None,
) -> Credentials:
    removed = person.state == "removed"
    own_password = account is not None and (account.password_changed or account.theirs)
    return Credentials(
        participant=person,
        api_base=api_base,
        api_key=None if removed else key_of(secret, person),
        webui_url=page,
        webui_email=person.webui_email(workshop.name) if page else None,
        webui_password=webui_password(secret, person) if page and not removed and not own_password else None,
        webui_api_key=account.api_key if account and not removed else None,
        own_account=account is not None and account.theirs,
        models=() if removed else models_for(workshop, person.team),
    )
