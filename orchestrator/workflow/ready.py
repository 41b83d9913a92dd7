"""Step: each engine has answered one real question. Health alone does not say that a model can speak."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.checks.readiness import ask_all
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.workflow.run import Run

ANSWERED = "_answered"  # kept in the state like a host: service -> container and start
SECONDS = 120  # for the first answer, which may compile kernels


def ask_engines(run: Run) -> Run:
    """Asks those that were started or restarted since they last answered."""
    deployment = run.planned.deployment
    states = run.engine_room.containers(run.spec.workshop.name)
    gateway = states.get(GATEWAY_SERVICE)
    if gateway is None or not gateway.is_up:
        return run
    since = {service: f"{state.id} {state.started}" for service, state in states.items()}
    answered = run.state.deployed.applied(ANSWERED)
    fresh = [b for b in deployment.backends if b.service in since and answered.get(b.service) != since[b.service]]
    silent = ask_all(run.engine_room, gateway.id, fresh, seconds=SECONDS)
    for backend in fresh:
        if backend.service not in silent:
            run.state.deployed.record_applied(ANSWERED, backend.service, since[backend.service])
    missing = {b.service: "its container is not there" for b in deployment.backends if b.service not in since}
    reasons = {service: _with_state(why, states[service]) for service, why in silent.items()} | missing
    return replace(
        run,
        broken=tuple(
            f"{b.model} ({b.service}): {reasons[b.service]}" for b in deployment.backends if b.service in reasons
        ),
    )


def _with_state(why: str, container: ContainerState) -> str:
    """A container that is not up says more than a connection that was refused."""
    state = container.health if container.state == "running" else container.state
    return why if container.is_up else f"{why}; its container is {state} (restarts: {container.restarts})"
