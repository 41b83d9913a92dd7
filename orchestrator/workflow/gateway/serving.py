"""How many requests each backend serves at once: reckoned beforehand, and as vLLM itself says while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.engines.capacity import Serves
from orchestrator.engines.reported import Reported, from_metrics
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.plan.deployment import Backend, Deployment

SECONDS = 3  # for one engine


@dataclass(frozen=True, slots=True)
class Serving:
    """Of one backend; None: cannot be reckoned, or it does not say."""

    service: str
    model: str
    request_tokens: int  # that both figures count with
    estimated: int | None
    reported: int | None
    kv_tokens: int | None  # that its KV cache holds, as it says
    why: str | None  # there is no estimate


def serving(deployment: Deployment, reported: Mapping[str, Reported]) -> tuple[Serving, ...]:
    """Of every backend with an engine of ours, in the deployment's order; `reported` by service."""
    return tuple(
        _serving(backend, backend.serves, reported.get(backend.service))
        for backend in deployment.backends
        if backend.serves
    )


def said(docker: DockerHost, containers: Mapping[str, ContainerState], deployment: Deployment) -> dict[str, Reported]:
    """By service: what each vLLM of a host says, asked from within its own container, where nobody stands between."""
    found = {}
    for backend in deployment.backends:
        container = containers.get(backend.service)
        if not backend.container.tells_cache or container is None or not container.is_up:
            continue
        url = f"http://127.0.0.1:{backend.container.port}/metrics"
        try:
            _, output = docker.ask(container.id, ["curl", "-fsS", "-m", str(SECONDS), url])
        except UserError:  # gone since it was looked at
            continue
        reported = from_metrics(output)
        if reported:
            found[backend.service] = reported
    return found


def _serving(backend: Backend, serves: Serves, told: Reported | None) -> Serving:
    return Serving(
        backend.service,
        backend.model,
        serves.request_tokens,
        serves.requests,
        min(told.requests(serves.request_tokens), serves.most or told.tokens) if told else None,
        told.tokens if told else None,
        serves.why,
    )
