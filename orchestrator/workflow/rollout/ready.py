"""Step: each engine has answered one real question. Health alone does not say that a model can speak."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.last_words import LINES, last_words
from orchestrator.checks.readiness import ask_all
from orchestrator.checks.routing import wait_until_routed
from orchestrator.checks.trust import authorities
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.certificates import trusted

ANSWERED = "_answered"  # kept in the state like a host: service -> container and start
ROUTED_SECONDS = 20  # a name is asked again after 5, a server that failed after 10
SECONDS = 120  # for the first answer, which may compile kernels


def ask_engines(run: Run) -> Run:
    """Asks those that were started or restarted since they last answered."""
    deployment = run.planned.deployment
    found = run.containers()
    gateway = found.get(run.front_name, {}).get(GATEWAY_SERVICE)
    if gateway is None or not gateway.is_up:
        return run
    states = {b.service: found[b.host][b.service] for b in deployment.backends if b.service in found.get(b.host, {})}
    since = {service: f"{state.id} {state.started}" for service, state in states.items()}
    answered = run.state.deployed.applied(ANSWERED)
    fresh = [b for b in deployment.backends if b.service in since and answered.get(b.service) != since[b.service]]
    silent = ask_all(run.front.docker, gateway.id, fresh, seconds=SECONDS)
    for backend in fresh:
        if backend.service not in silent:
            run.state.deployed.record_applied(ANSWERED, backend.service, since[backend.service])
    _wait_for_the_gateway(run, {b.model for b in fresh if b.service not in silent})
    missing = {
        b.service: f"its host {b.host} failed" if b.host in run.failed_hosts else "its container is not there"
        for b in deployment.backends
        if b.service not in since
    }
    fallen = {
        b.service: f"its container is {states[b.service].state}"
        for b in deployment.backends
        if b.service in since and b not in fresh and not states[b.service].is_up
    }
    hosts = {b.service: b.host for b in deployment.backends}
    reasons = missing | fallen
    for service, why in silent.items():
        docker = run.fleet[hosts[service]].docker
        reasons[service] = _with_state(why, states[service], docker)
    broken = (f"{b.model} ({b.service}): {reasons[b.service]}" for b in deployment.backends if b.service in reasons)
    return replace(run, broken=(*run.broken, *broken))


def _wait_for_the_gateway(run: Run, models: set[str]) -> None:
    """Until it has found the containers that are new; it lost sight of a model that had none for a while."""
    identity = run.identity
    keys = {
        model: identity.key(person)
        for person in identity.verifiers
        for model in identity.workshop.models_for(person.team)
        if model in models
    }
    trust = authorities(trusted(run.spec, run.state.folder))
    wait_until_routed(Server(run.planned.addresses.api, trust, Patience()), keys, sorted(keys), seconds=ROUTED_SECONDS)


def _with_state(why: str, container: ContainerState, docker: DockerHost) -> str:
    """A container that is not up says more than a connection that was refused, and what is in it most of all."""
    if container.is_up:
        return why
    state = container.health if container.state == "running" else container.state
    ended = f", {container.ended}" if container.ended else ""
    with suppress(UserError):  # gone since it was looked at
        if words := last_words(docker.logs(container.id, LINES)):
            return f"its container is {state} (restarts: {container.restarts}{ended}); its last words: {words}"
    return f"{why}; its container is {state} (restarts: {container.restarts}{ended})"
