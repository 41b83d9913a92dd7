"""Open WebUIs of participants' or teams' own: putting into each what it should hold, and looking what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.identity.accounts import Admin
from orchestrator.identity.identity import Identity
from orchestrator.identity.pages import OwnPage
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Instance
from orchestrator.plan.instances import instance_of, instances
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.accounts import AccountRecord
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import FORBIDDEN, UNAUTHORIZED, WebUIRefused
from orchestrator.webui.seed import as_admin, look, seed, seed_bare
from orchestrator.webui.wanted import AccountStore, Foreseen, Seed
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.gateway.certificates import trusted_nearby
from orchestrator.workflow.people.own_seed import Parts, parts_of, wanted_seed_at
from orchestrator.workflow.wanted.address import Addresses, addresses

READY_SECONDS = 240
LOOK_SECONDS = 20  # for one answer
NEEDS_A_SESSION = {UNAUTHORIZED, FORBIDDEN}  # the key is not known there any more, or not enough
ADMIN_REFUSED = "webui_admin_refused"
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Seeded:
    """What became of all of them: lines for what was changed, and by service why one failed."""

    changes: tuple[str, ...]
    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Looked:
    """By service: what differs in it, and why one could not be asked."""

    found: Mapping[str, tuple[Foreseen, ...]]
    unasked: Mapping[str, str]


def seed_instances(
    spec: Spec,
    state: State,
    wanted: Iterable[Instance],
    there: Mapping[str, ContainerState],
    where: Addresses,
    settings: Settings,
    say: Callable[[str], None],
) -> Seeded:
    """Some at a time, each as the shared one is seeded; one that fails costs itself.

    `there` are the containers of the gateway's host.
    """
    identity, parts = identity_of(spec, state), parts_of(spec)
    trust = trusted_nearby(spec, state.folder)

    def one(instance: Instance) -> str | None:
        container = there.get(instance.service)
        if container is None or container.state != "running":
            raise UserError("webui_down", f"its container is {container.state if container else 'not there'}")
        webui = _at(instance, where, trust)
        webui.wait_ready(READY_SECONDS)
        seed_ = wanted_seed_at(spec, instance.own, identity, where.page(instance), parts)
        store = _Members(state.accounts, instance.own)
        put = seed_bare if spec.workshop.webui.bare else seed
        result = _entered(webui, seed_, store, lambda admin: put(admin, seed_, store, report=_unsaid, concurrency=1))
        touched = result.created + result.changed
        return f"{result.created} created, {result.changed} changed" if touched else None

    changes: dict[str, str] = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=settings.webui_concurrency) as pool:
        jobs = {pool.submit(one, instance): instance.service for instance in wanted}
        for job in as_completed(jobs):
            service = jobs[job]
            try:
                line = job.result()
            except UserError as problem:
                line = failed[service] = problem.message
            else:
                if line:
                    changes[service] = f"Open WebUI ({service}): {line}"
            if line:
                say(f"{service}: {line}")
    order = list(jobs.values())
    return Seeded(
        tuple(changes[service] for service in order if service in changes),
        {service: failed[service] for service in order if service in failed},
    )


def look_at_instances(
    spec: Spec, state: State, identity: Identity, wanted: Sequence[Instance], settings: Settings
) -> Looked:
    """What the next `provision` makes or puts right in each of these, found out by looking only; some at a time."""
    if spec.workshop.webui.bare or not wanted:
        return Looked({}, {})
    parts, where, trust = parts_of(spec), addresses(spec.workshop), trusted_nearby(spec, state.folder)

    def one(instance: Instance) -> tuple[Foreseen, ...] | str:
        webui = _at(instance, where, trust).patient(LOOK_SECONDS)
        seed_ = wanted_seed_at(spec, instance.own, identity, where.page(instance), parts)
        store = _Members(state.accounts, instance.own)
        try:
            return _entered(webui, seed_, store, lambda admin: look(admin, seed_, store))
        except UserError as problem:
            return problem.message

    with ThreadPoolExecutor(max_workers=settings.webui_concurrency) as pool:
        found = dict(zip((instance.service for instance in wanted), pool.map(one, wanted), strict=True))
    return Looked(
        {service: told for service, told in found.items() if not isinstance(told, str)},
        {service: told for service, told in found.items() if isinstance(told, str)},
    )


def administrator_at(spec: Spec, state: State, instance: Instance) -> WebUI:
    """One of them as an administrator sees it, for commands that change nothing."""
    where, identity = addresses(spec.workshop), identity_of(spec, state)
    wanted = wanted_seed_at(spec, instance.own, identity, where.page(instance), Parts())
    webui = _at(instance, where, trusted_nearby(spec, state.folder))
    admin = _by_key(webui, wanted, _Members(state.accounts, instance.own))
    try:
        admin.get("/api/v1/users/all")
    except WebUIRefused as problem:
        if problem.status not in NEEDS_A_SESSION:
            raise
        return _by_password(webui, wanted)
    return admin


def _at(instance: Instance, where: Addresses, trust: bool | str) -> WebUI:
    """As this machine reaches it, whatever its DNS says of the name."""
    named = urlsplit(where.page(instance)).netloc if instance.label else None
    return WebUI(where.local_page(instance), verify_tls=trust, host=named)


def of_people(spec: Spec, state: State, people: Iterable[Participant]) -> tuple[Instance, ...]:
    """The instances in which these people have, or had, accounts; each once."""
    found = instances(spec.workshop, state.people.all())
    theirs = {one.service: one for person in people for one in (instance_of(found, person),) if one}
    teams_ = {person.team for person in people if person.team}
    theirs |= {one.service: one for one in found if one.runs and one.own.team is not None and one.own.team in teams_}
    return tuple(one for one in found if one.service in theirs)


def _unsaid(_: str) -> None:
    """Of each only how much was done is told."""


def _entered(webui: WebUI, wanted: Seed, store: AccountStore, do: Callable[[WebUI], Done]) -> Done:
    """By a member's key, else by a password."""
    try:
        return do(_by_key(webui, wanted, store))
    except UserError as problem:
        refused = problem.status in NEEDS_A_SESSION if isinstance(problem, WebUIRefused) else False
        if not refused and problem.code != ADMIN_REFUSED:
            raise
    return do(_by_password(webui, wanted))


def _by_key(webui: WebUI, wanted: Seed, store: AccountStore) -> WebUI:
    """A member's own API key costs no hash, and reads all; some settings are written in a session only."""
    known = (store.get(person.id) for person in wanted.people if person.active)
    key: SecretStr | None = next((record.api_key for record in known if record and record.api_key), None)
    return webui.signed_in(key) if key else _by_password(webui, wanted)


def _by_password(webui: WebUI, wanted: Seed) -> WebUI:
    """As the instructor, else as a member: administrators can do what they like with the instructor's account."""
    members = [person for person in wanted.people if person.active]
    refused: UserError | None = None
    for admin in (wanted.admin, *(Admin(person.email, person.password) for person in members[:2])):
        try:
            return as_admin(webui, admin)
        except UserError as problem:
            if problem.code != ADMIN_REFUSED:
                raise
            refused = refused or problem
    assert refused  # noqa: S101 - the loop ran at least once
    raise refused


@dataclass(frozen=True, slots=True)
class _Members:
    """The state's accounts of these people; others have theirs in other instances."""

    accounts: AccountStore
    page: OwnPage

    def get(self, participant: str, /) -> AccountRecord | None:
        return self.accounts.get(participant) if self.page.holds(participant) else None

    def put(self, participant: str, account: AccountRecord, /) -> None:
        if self.page.holds(participant):
            self.accounts.put(participant, account)
