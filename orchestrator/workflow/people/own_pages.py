"""Open WebUIs of participants' or teams' own: what each should hold, and putting it there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.participants import Participant
from orchestrator.plan.deployment import Instance
from orchestrator.plan.instances import instance_of, instances
from orchestrator.plan.policy import instructor_email, key_of, models_for
from orchestrator.plan.team_keys import team_key
from orchestrator.settings import Settings
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.state.accounts import AccountRecord
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.webui.library import Library
from orchestrator.webui.refused import FORBIDDEN, UNAUTHORIZED, WebUIRefused
from orchestrator.webui.seed import as_admin, seed, seed_bare
from orchestrator.webui.wanted import AccountStore, Admin, Function, Person, Seed
from orchestrator.workflow.gateway.certificates import trusted_nearby
from orchestrator.workflow.people.accounts import person_of
from orchestrator.workflow.wanted import page
from orchestrator.workflow.wanted.address import Addresses, addresses
from orchestrator.workflow.wanted.desired import INTERNAL_GATEWAY, admin_password
from orchestrator.workflow.wanted.functions import functions

READY_SECONDS = 240
NEEDS_A_SESSION = {UNAUTHORIZED, FORBIDDEN}  # the key is not known there any more, or not enough
ADMIN = "admin"
ADMIN_REFUSED = "webui_admin_refused"


@dataclass(frozen=True, slots=True)
class Seeded:
    """What became of all of them: lines for what was changed, and by service why one failed."""

    changes: tuple[str, ...]
    failed: Mapping[str, str]


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
    people, own = state.people.all(), functions(spec)
    trust = trusted_nearby(spec, state.folder)

    def one(instance: Instance) -> str | None:
        container = there.get(instance.service)
        if container is None or container.state != "running":
            raise UserError("webui_down", f"its container is {container.state if container else 'not there'}")
        webui = _at(instance, where, trust)
        webui.wait_ready(READY_SECONDS)
        seed_ = wanted_seed_at(spec, instance, people, state.secret, where.page(instance), own)
        store, lines = _Members(state.accounts, frozenset(instance.members)), list[str]()
        put = seed_bare if spec.workshop.webui.bare else seed
        try:
            result = put(_by_key(webui, seed_, store), seed_, store, report=lines.append, concurrency=1)
        except UserError as problem:
            refused = problem.status in NEEDS_A_SESSION if isinstance(problem, WebUIRefused) else False
            if not refused and problem.code != ADMIN_REFUSED:
                raise
            result = put(_by_password(webui, seed_), seed_, store, report=lines.append, concurrency=1)
        return f"{result.created} created, {result.changed} changed" if lines else None

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


def administrator_at(spec: Spec, state: State, instance: Instance) -> WebUI:
    """One of them as an administrator sees it, for commands that change nothing."""
    where, people = addresses(spec.workshop), state.people.all()
    wanted = wanted_seed_at(spec, instance, people, state.secret, where.page(instance), ())
    webui = _at(instance, where, trusted_nearby(spec, state.folder))
    admin = _by_key(webui, wanted, _Members(state.accounts, frozenset(instance.members)))
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
    theirs |= {one.service: one for one in found if one.runs and one.team is not None and one.team in teams_}
    return tuple(one for one in found if one.service in theirs)


def wanted_seed_at(
    spec: Spec, instance: Instance, people: Sequence[Participant], secret: bytes, url: str, own: Sequence[Function]
) -> Seed:
    """All that this one should hold: what its people may use, with their own key and for nobody else."""
    workshop, webui = spec.workshop, spec.workshop.webui
    first = next(person for person in people if person.id in instance.members)
    team = first.team
    key = key_of(secret, first) if instance.team is None else team_key(secret, instance, people)
    mine = tuple(replace(one, teams=None) for one in own if teams.are_open(one.teams, team))
    embedder = workshop.embedder
    return Seed(
        title=workshop.title,
        url=url,
        admin=Admin(instructor_email(workshop.name), admin_password(secret, instance.service)),
        gateway_url=INTERNAL_GATEWAY,
        gateway_key=key,
        models=tuple(replace(one, teams=None) for one in page.menu(spec, own) if teams.are_open(one.teams, team)),
        people=tuple(_people(workshop.name, instance, people, secret)),
        chosen=page.chosen(workshop),
        banners=page.banners(workshop),
        suggestions=None if webui.suggestions is None else page.suggestions(webui.suggestions),
        functions=mine,
        library=Library(embedder.name, key) if embedder and embedder.name in models_for(workshop, team) else None,
        tool_servers=tuple(
            replace(one, teams=None) for one in page.tool_servers(spec) if teams.are_open(one.teams, team)
        ),
    )


def _people(workshop: str, instance: Instance, people: Sequence[Participant], secret: bytes) -> Iterable[Person]:
    """Administrators all; of a team, whoever was in it and is not any more has a closed account."""
    for person in people:
        one = replace(person_of(person, workshop, secret), team=None, role=ADMIN)
        if person.id in instance.members:
            yield one
        elif instance.team is not None:
            yield replace(one, active=False)


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
    members: frozenset[str]

    def get(self, participant: str, /) -> AccountRecord | None:
        return self.accounts.get(participant) if participant in self.members else None

    def put(self, participant: str, account: AccountRecord, /) -> None:
        if participant in self.members:
            self.accounts.put(participant, account)
