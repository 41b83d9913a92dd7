"""Step, and the `verify` command: everything that a participant would ask works, and what must fail fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import SecretStr

from orchestrator.checks.check import Check
from orchestrator.checks.subject import (
    CollectionUnderTest,
    EdgeUnderTest,
    EngineUnderTest,
    InstanceUnderTest,
    ModelUnderTest,
    Subject,
    Verifier,
)
from orchestrator.checks.verification import verify
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.fleet import Fleet
from orchestrator.identity.identity import Identity
from orchestrator.plan.deployment import WEBUI_SERVICE, Deployment
from orchestrator.plan.edges import EDGE_SERVICE
from orchestrator.plan.gateway import GatewayConfig
from orchestrator.render.files import digest, prints
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.state.accounts import AccountRecord
from orchestrator.state.state import State
from orchestrator.webui.library import LibraryCollection
from orchestrator.workflow.context.hosts import Containers, front_of
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.certificates import trusted
from orchestrator.workflow.people.credentials import credentials
from orchestrator.workflow.people.knowledge import wanted_collections
from orchestrator.workflow.people.own_seed import Parts, collections_at
from orchestrator.workflow.wanted.address import addresses
from orchestrator.workflow.wanted.connections import connected, provided_for
from orchestrator.workflow.wanted.dns import by_name_nowhere
from orchestrator.workflow.wanted.page import page_marks, presets_for, tools_for

PROVEN = "_proven"  # kept in the state like a host


def prove(run: Run) -> Run:
    """Ask everything, unless nothing changed since everything was answered."""
    containers = run.containers()
    what = _what_is_proven(run, containers)
    if not run.changes and not run.broken and run.state.deployed.applied(PROVEN).get("digest") == what:
        return run
    checks = verify(
        subject(run.spec, run.state, run.planned.deployment, run.planned.gateway, run.fleet, run.standing),
        report=_failures_to(run.report.say),
    )
    if all(check.ok for check in checks):
        run.state.deployed.record_applied(PROVEN, "digest", what)
    return replace(run, checks=checks)


def subject(
    spec: Spec,
    state: State,
    deployment: Deployment,
    gateway: GatewayConfig,
    fleet: Fleet,
    standing: Iterable[str] | None = None,
) -> Subject:
    """What `verify` is to ask, and as whom. Only `standing` hosts are asked for their containers; None: all."""
    identity = identity_of(spec, state)
    workshop, people, where = spec.workshop, identity.people, addresses(spec.workshop)
    front, (found, _) = front_of(spec), fleet.each(lambda machine: machine.docker.containers(workshop.name), standing)
    beside = found.get(front, {})
    accounts, parts = state.accounts.all(), Parts(collections=wanted_collections(spec))
    native = {model.name for model in gateway.models if model.ollama}
    marks = page_marks(workshop)
    active = next((person for person in people if person.state == "active"), None)
    removed = next((person for person in people if person.state == "removed"), None)
    return Subject(
        api=where.api,
        webui=where.webui,
        mark=marks.label,
        page_prefix=marks.entry("") if marks.elsewhere else None,
        tls_certificate=trusted(spec, state.folder),
        models=tuple(
            ModelUnderTest(
                model.name,
                str(model.engine),
                model.name in native,
                teams.given(model.teams),
                model.embeds,
                _takes_tools(deployment, model.name),
                _routes(deployment, model.name),
            )
            for model in workshop.listed
        ),
        hidden=tuple(model.name for model in workshop.models if model.hidden),
        functions=tuple(function.name for function in workshop.webui.functions),
        provided=connected(spec, state),
        knowledge=_knowledge(parts.collections),
        own_knowledge="knowledge" in workshop.webui.participants_may,
        verifiers=tuple(
            Verifier(
                participant=person,
                key=identity.key(person),
                models=workshop.models_for(person.team),
                webui_email=person.webui_email(workshop.name),
                webui_password=identity.account(person).password if where.webui else None,
                webui_api_key=_webui_key(accounts.get(person.id)),
                presets=presets_for(workshop, person.team),
                tools=tools_for(workshop, person.team),
                provided=provided_for(spec, state, person.team),
                ollama=(
                    *provided_for(spec, state, person.team, kinds=("ollama",)),
                    *(
                        f"{name}:latest"
                        for name in workshop.models_for(person.team)
                        if name in native and not marks.elsewhere
                    ),
                ),
            )
            for person in identity.verifiers
        ),
        ordinary=(active.id, identity.key(active)) if active else None,
        window=gateway.window,
        removed=identity.key(removed) if removed else identity.nobodys_key,
        engines=tuple(
            EngineUnderTest(
                backend.service,
                backend.container.port,
                found[backend.host][backend.service].id,
                fleet[backend.host].docker if backend.edge else None,
            )
            for backend in deployment.backends
            if backend.service in found.get(backend.host, {})
        ),
        edges=tuple(
            EdgeUnderTest(
                stack.host.name,
                found[stack.host.name][EDGE_SERVICE].id,
                fleet[stack.host.name].docker,
                stack.backends[0].server,
            )
            for stack in deployment.stacks
            if stack.edge and EDGE_SERVICE in found.get(stack.host.name, {})
        ),
        docker=fleet[front].docker,
        instances=tuple(_instances(spec, state, identity, deployment, beside, parts)),
        webui_container=beside[WEBUI_SERVICE].id if WEBUI_SERVICE in beside else None,
        now=time.time(),
    )


def _instances(
    spec: Spec,
    state: State,
    identity: Identity,
    deployment: Deployment,
    beside: Mapping[str, ContainerState],
    parts: Parts,
) -> Iterator[InstanceUnderTest]:
    """Those that run, as their people would use them."""
    workshop, where = spec.workshop, addresses(spec.workshop)
    running = [one for stack in deployment.stacks for one in stack.running if one.service in beside]
    nearby = bool(running) and by_name_nowhere(where, running[0])  # one speaks for all: the DNS may take its time
    for instance in running:
        team = instance.own.members[0].team
        chat = [model.name for model in workshop.listed if model.open_to(team) and not model.embeds]
        yield InstanceUnderTest(
            instance.service,
            where.page(instance),
            beside[instance.service].id,
            credentials(identity, instance.own.active, state),
            entries=None if workshop.webui.bare else (*chat, *presets_for(workshop, team), *_connected(spec, team)),
            question=next(iter(chat), None),
            knowledge=_knowledge(collections_at(spec, instance.own, parts)),
            near=where.local_page(instance) if nearby else None,
        )


def _connected(spec: Spec, team: str | None) -> Iterator[str]:
    """Models of connections, as far as the spec lists them."""
    for one in spec.workshop.webui.connections:
        if one.enabled and teams.are_open(one.teams, team):
            yield from one.known_ids


def _takes_tools(deployment: Deployment, model: str) -> bool:
    """Of an external model nobody says so."""
    backends = deployment.backends_of(model)
    return bool(backends) and all(backend.container.tools for backend in backends)


def _routes(deployment: Deployment, model: str) -> tuple[str, ...] | None:
    """Of its engine, beside OpenAI's chat; None: an external model, of which nobody knows."""
    backends = deployment.backends_of(model)
    return backends[0].container.routes if backends else None


def _knowledge(collections: Iterable[LibraryCollection]) -> tuple[CollectionUnderTest, ...]:
    return tuple(
        CollectionUnderTest(one.name, one.teams, tuple((file.name, file.sha256) for file in one.files))
        for one in collections
    )


def _webui_key(account: AccountRecord | None) -> SecretStr | None:
    return account.api_key if account else None


def _what_is_proven(run: Run, containers: Containers) -> str:
    """Changes with every file and every container."""
    files = [digest(prints(files)) for _, files in sorted(run.planned.files.items())]
    states = [state for here in containers.values() for state in here.values()]
    return " ".join([*files, *sorted(f"{state.id}{state.started}" for state in states)])


def _failures_to(say: Callable[[str], None]) -> Callable[[Check], None]:
    def report(check: Check) -> None:
        if not check.ok:
            say(f"FAILED {check.name}, {check.target}: expected {check.expected}, got {check.got}")

    return report
