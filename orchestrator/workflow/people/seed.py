"""Step: Open WebUI holds the accounts, the connection and the models, visible to whom they are meant for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.fleet.docker_host import ContainerState
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.settings import Settings
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.webui import house
from orchestrator.webui.client import WebUI
from orchestrator.webui.seed import as_admin, look, seed, seed_connections, seed_people
from orchestrator.webui.wanted import Foreseen, OllamaModel, Seed
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.gateway.certificates import trusted_nearby
from orchestrator.workflow.people import elsewhere
from orchestrator.workflow.people.knowledge import remember, wanted_library
from orchestrator.workflow.people.own_pages import Seeded, of_people, seed_instances
from orchestrator.workflow.wanted import page
from orchestrator.workflow.wanted.address import INTERNAL_GATEWAY, addresses
from orchestrator.workflow.wanted.connections import wanted_connections
from orchestrator.workflow.wanted.functions import functions

if TYPE_CHECKING:  # it brings the planning and rendering of a whole class along
    from orchestrator.workflow.context.run import Run

READY_SECONDS = 180
LOOK_SECONDS = 20  # for one answer


def seed_webui(run: Run) -> Run:
    run = _left_behind(run)
    addresses = run.planned.addresses
    if addresses.own_pages:
        return _seed_own(run)
    if addresses.webui is None or addresses.local_webui is None:
        return run
    webui = _open_webui(run.spec, run.state, addresses.local_webui)
    if run.spec.workshop.webui.is_here:
        webui.wait_ready(READY_SECONDS)
    before = run.people
    wanted = _wanted(run.spec, run.identity, run.state, addresses.webui, run.planned.gateway.native)
    elsewhere.remember(run.spec, run.state)
    result = seed(
        _signed_in(webui, wanted, run.state),
        wanted,
        run.state.accounts,
        report=run.report.say,
        concurrency=run.settings.webui_concurrency,
    )
    seed_late(run.spec, run.state, before, run.settings, run.report.say)
    remember(run.state, wanted.library)
    touched = result.created + result.changed
    return (
        replace(run, changes=(*run.changes, f"Open WebUI: {result.created} created, {result.changed} changed"))
        if touched
        else run
    )


def seed_late(
    spec: Spec, state: State, before: Sequence[Participant], settings: Settings, say: Callable[[str], None]
) -> None:
    """The accounts of people whom a command changed since `before`, until nobody is: its word must be the last."""
    while changed := [person for person in state.people.all() if person not in before]:
        before = state.people.all()
        seed_changed(spec, state, changed, settings, say)


def foresee(spec: Spec, state: State, identity: Identity, native: AbstractSet[str]) -> tuple[Foreseen, ...]:
    """What the next `provision` makes or puts right in a running Open WebUI, found out by looking only.

    Raises UserError where it can't be asked.
    """
    where = addresses(spec.workshop)
    if where.webui is None or where.local_webui is None:
        return ()
    wanted = _wanted(spec, identity, state, where.webui, native)
    return look(_open_webui(spec, state, where.local_webui).patient(LOOK_SECONDS), wanted, state.accounts)


def _left_behind(run: Run) -> Run:
    """What was made at a server that the spec names no more."""
    before = elsewhere.moved(run.spec, run.state)
    if before is None:
        return run
    left = elsewhere.leave(run.state, before, run.report.say)
    problem = (str(left.problem),) if left.problem else ()
    notes = (*left.kept, *(f"still there: {line}" for line in left.lines), *problem)
    run = replace(run, notes=(*run.notes, *notes))
    return run if left.problem or left.lines else run.changed(f"{before.url}: left; nothing of the workshop is there")


def _placed(spec: Spec, state: State, wanted: Seed) -> Seed:
    """At a server of others: under names of its own, and by the gateway's public address."""
    key = elsewhere.admin_key(spec)
    if key is None:
        return wanted
    return house.named(replace(wanted, gateway_url=addresses(spec.workshop).api_base), elsewhere.marks(state), key)


def _seed_own(run: Run) -> Run:
    """One that fails is broken like an engine that does not answer."""
    there = run.front.docker.containers(run.spec.workshop.name)
    running = (one for stack in run.planned.deployment.stacks for one in stack.running)
    settings, where, say = run.settings, run.planned.addresses, run.report.say
    before = run.people
    done = seed_instances(run.spec, run.state, running, there, where, settings, say)
    if changed := [
        person for person in run.people if person not in before
    ]:  # by a command, whose word must be the last
        seed_own_changed(run.spec, run.state, changed, there, settings, say)
    broken = (f"Open WebUI ({service}): {why}" for service, why in done.failed.items())
    return replace(run, changes=(*run.changes, *done.changes), broken=(*run.broken, *broken))


def seed_own_changed(
    spec: Spec,
    state: State,
    changed: Sequence[Participant],
    there: Mapping[str, ContainerState],
    settings: Settings,
    say: Callable[[str], None],
) -> Seeded:
    """The Open WebUIs of these people, while the class runs."""
    wanted = of_people(spec, state, changed)
    return seed_instances(spec, state, wanted, there, addresses(spec.workshop), settings, say)


def seed_changed(
    spec: Spec, state: State, changed: Iterable[Participant], settings: Settings, say: Callable[[str], None]
) -> None:
    """The accounts of these people alone, while the class runs."""
    where = addresses(spec.workshop)
    if where.webui is None or where.local_webui is None:
        return
    wanted = _placed(spec, state, _wanted_people(identity_of(spec, state), where.webui))
    seed_people(
        _signed_in(_open_webui(spec, state, where.local_webui), wanted, state),
        wanted,
        state.accounts,
        frozenset(person.id for person in changed),
        report=say,
        concurrency=settings.webui_concurrency,
    )


def seed_own_connections(spec: Spec, state: State, native: AbstractSet[str], say: Callable[[str], None]) -> None:
    """The connections past the gateway alone, while the class runs."""
    where = addresses(spec.workshop)
    if where.webui is None or where.local_webui is None:
        return
    wanted = replace(
        _wanted_people(identity_of(spec, state), where.webui),
        connections=wanted_connections(spec, state),
        ollama=_in_ollama(spec, native),
    )
    seed_connections(_signed_in(_open_webui(spec, state, where.local_webui), wanted, state), wanted, report=say)


def administrator(spec: Spec, state: State) -> WebUI:
    """Open WebUI as its administrator sees it, for commands that change nothing. The spec must have one."""
    webui = _open_webui(spec, state, addresses(spec.workshop).local_webui or "")
    return as_admin(webui, replace(identity_of(spec, state).admin(), key=elsewhere.admin_key(spec)))


def _open_webui(spec: Spec, state: State, url: str) -> WebUI:
    """By the last command's session, which may have ended; at a server of others by nothing yet."""
    if spec.workshop.webui.is_elsewhere:
        return elsewhere.client(url)
    session = state.accounts.session
    webui = WebUI(url, verify_tls=trusted_nearby(spec, state.folder))
    return webui.signed_in(session) if session else webui


def _signed_in(webui: WebUI, wanted: Seed, state: State) -> WebUI:
    """A session is kept for the next command: a script may call more commands than sign-ins are taken."""
    admin = as_admin(webui, wanted.admin)
    if admin.token and admin.token != state.accounts.session and wanted.admin.key is None:
        state.accounts.keep_session(admin.token)
    return admin


def _wanted(spec: Spec, identity: Identity, state: State, url: str, native: AbstractSet[str]) -> Seed:
    """All of it, as it is to be called where it goes."""
    everything = replace(
        wanted_seed(spec, identity, url),
        library=wanted_library(spec, identity.embeddings_key),
        connections=wanted_connections(spec, state),
        ollama=_in_ollama(spec, native),
    )
    return _placed(spec, state, everything)


def _in_ollama(spec: Spec, native: AbstractSet[str]) -> tuple[OllamaModel, ...]:
    """Those that the gateway serves on Ollama's own routes, too."""
    return tuple(
        OllamaModel(model.name, teams.given(model.teams)) for model in spec.workshop.listed if model.name in native
    )


def wanted_seed(spec: Spec, identity: Identity, url: str) -> Seed:
    """All that Open WebUI should hold. Raises UserError with the line of a file that can't be used."""
    given, own = spec.workshop.webui.suggestions, functions(spec)
    return replace(
        _wanted_people(identity, url),
        models=page.menu(spec, own),
        chosen=page.chosen(spec.workshop),
        banners=page.banners(spec.workshop),
        suggestions=None if given is None else page.suggestions(given),
        functions=own,
        tool_servers=page.tool_servers(spec),
    )


def _wanted_people(identity: Identity, url: str) -> Seed:
    workshop = identity.workshop
    return Seed(
        title=workshop.title,
        url=url,
        admin=identity.admin(),
        gateway_url=INTERNAL_GATEWAY,
        gateway_key=identity.service_key,
        models=page.entries(workshop),
        own_knowledge="knowledge" in workshop.webui.participants_may,
        people=identity.accounts,
    )
