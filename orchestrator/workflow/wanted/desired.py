"""What should be there: all stacks of a workshop with all their files, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from orchestrator.errors import SpecError, UserError
from orchestrator.identity.identity import Identity, instructor_email
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import WEBUI_SERVICE, Deployment
from orchestrator.plan.gateway import API_PORT, METRICS_PORT, WEBUI_PORT, GatewayConfig
from orchestrator.plan.instances import with_instances
from orchestrator.plan.placement import Unplaced
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.stacks import Known, plan_stacks
from orchestrator.render.compose import Published, StackValues
from orchestrator.render.edge import EdgeCredentials
from orchestrator.render.files import File
from orchestrator.render.stack import StackInputs, stack_files
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.spec.values import SecretReference
from orchestrator.spec.workshop import Workshop
from orchestrator.webui.environment import DATABASE as WEBUI_DATABASE
from orchestrator.webui.environment import SECRETS as WEBUI_SECRETS
from orchestrator.webui.environment import webui_environment
from orchestrator.workflow.wanted.address import INTERNAL_GATEWAY, Addresses, addresses, nearby
from orchestrator.workflow.wanted.authorities import authorities
from orchestrator.workflow.wanted.synthetic import synthetic_models

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Desired:
    deployment: Deployment
    gateway: GatewayConfig
    addresses: Addresses
    files: Mapping[str, Mapping[str, File]]  # by host


def planned(spec: Spec, unavailable: Mapping[Component, str], known: Known | None = None) -> Deployment:
    """The stacks; raises SpecError naming the models for which no host has room."""
    section = spec.workshop.participants
    heads = (section.count or len(spec.roster or ())) + section.spare
    deployment, unplaced = plan_stacks(spec.workshop, heads, unavailable, known)
    if unplaced:
        raise SpecError([_does_not_fit(spec, lack) for lack in unplaced])
    return deployment


def instanced(spec: Spec, deployment: Deployment, people: Sequence[Participant]) -> Deployment:
    """With an Open WebUI for each where the spec asks for it; raises SpecError where there are too many."""
    try:
        return with_instances(deployment, spec.workshop, people)
    except UserError as problem:
        raise SpecError([spec.problem(("webui",), problem.code, problem.message, problem.hint)]) from None


def desired(
    spec: Spec,
    deployment: Deployment,
    identity: Identity,
    *,
    deployment_id: str,
    images: Mapping[Component, str],
    cache: Path,
    tls: Mapping[str, bytes],
    edges: EdgeCredentials | None = None,
    revision: int = 0,
    change: Mapping[str, str] | None = None,
    drained: AbstractSet[str] = frozenset(),
) -> Desired:
    """All files of all hosts; `cache` keeps synthetic weights, `tls` are cert.pem and key.pem.

    Raises UserError for what it cannot read.
    """
    workshop, where = spec.workshop, addresses(spec.workshop)
    deployment = instanced(spec, deployment, identity.people)
    secrets = _secrets(spec, deployment, identity)
    provider_secrets = _provider_secrets(spec)
    config = gateway_config(identity, deployment, provider_secrets, revision=revision, change=change, drained=drained)
    inputs = StackInputs(
        secret=identity.secret,
        gateway=config,
        tls=tls,
        authorities=authorities(spec) if _asks_providers(config) else b"",
        secrets=secrets,
        models=synthetic_models(deployment, cache),
        edges=edges,
    )
    values = StackValues(
        workshop=workshop.name,
        deployment=deployment_id,
        images=images,
        published=_published(workshop, deployment),
        tls=workshop.public.tls is not None,
        webui_environments=_webui_environments(spec, deployment, where),
        webui_secrets=(*WEBUI_SECRETS, *([WEBUI_DATABASE] if _database(spec) else [])),
        inputs={},
    )
    files = {stack.host.name: stack_files(stack, values, inputs) for stack in deployment.stacks}
    return Desired(deployment, config, where, files)


def _asks_providers(config: GatewayConfig) -> bool:
    """Over TLS."""
    return any(server.tls and not server.edge for upstream in config.upstreams for server in upstream.servers)


def _webui_environments(spec: Spec, deployment: Deployment, where: Addresses) -> dict[str, dict[str, str]]:
    """By service."""

    def environment(page: str, *others: str) -> dict[str, str]:
        return webui_environment(
            page,
            title=spec.workshop.title,
            admin_email=instructor_email(spec.workshop.name),
            gateway_url=INTERNAL_GATEWAY,
            origins=others,
            bare=spec.workshop.webui.bare,
        )

    found = {
        instance.service: environment(where.page(instance), *where.other_pages(instance))
        for stack in deployment.stacks
        for instance in stack.running
    }
    if where.webui and where.local_webui and spec.workshop.webui.is_here:
        found[WEBUI_SERVICE] = environment(where.webui, *nearby(where.local_webui))
    return found


def _secrets(spec: Spec, deployment: Deployment, identity: Identity) -> dict[str, SecretStr]:
    found = {
        f"{WEBUI_SERVICE}.WEBUI_ADMIN_PASSWORD": identity.admin().password,
        f"{WEBUI_SERVICE}.WEBUI_SECRET_KEY": identity.session_secret(),
    }
    for instance in (one for stack in deployment.stacks for one in stack.running):
        found[f"{instance.service}.WEBUI_ADMIN_PASSWORD"] = identity.admin(instance.own).password
        found[f"{instance.service}.WEBUI_SECRET_KEY"] = identity.session_secret(instance.own)
    if database := _database(spec):
        found[f"{WEBUI_SERVICE}.{WEBUI_DATABASE}"] = _address(spec, database.reveal(spec.folder))
    for backend in deployment.backends:
        references = backend.container.secret_environment | (backend.fetch.secret_environment if backend.fetch else {})
        found |= {f"{backend.service}.{name}": reference.reveal(spec.folder) for name, reference in references.items()}
    return found


def _database(spec: Spec) -> SecretReference | None:
    """Where Open WebUI keeps its data; None: in a file. A rehearsal must not write into the class's own."""
    return None if spec.workshop.practice else spec.workshop.webui.database


def _address(spec: Spec, database: SecretStr) -> SecretStr:
    if not database.get_secret_value().startswith(("postgresql://", "postgres://")):
        message = "what stands there is no address of a PostgreSQL database"
        hint = "It begins with postgresql://"
        raise spec.problem(("webui", "database"), "database_address", message, hint)
    return database


def _provider_secrets(spec: Spec) -> dict[SecretReference, SecretStr]:
    if spec.workshop.practice:
        return {}
    references = {
        reference for at, reference in spec.secret_references() if at[0] == "models" and "environment" not in at
    }
    return {reference: reference.reveal(spec.folder) for reference in references}


def _published(workshop: Workshop, deployment: Deployment) -> tuple[Published, ...]:
    inside = {
        "gateway.port": (API_PORT, ""),
        "webui.port": (WEBUI_PORT, ""),
        "gateway.metrics": (METRICS_PORT, LOOPBACK),
    }
    own = (one for stack in deployment.stacks for one in stack.instances if one.label is None)
    pages = (Published(one.port, one.page.port) for one in own)
    return (*(Published(port, *inside[field]) for field, port in workshop.published.items()), *pages)


def _does_not_fit(spec: Spec, lack: Unplaced) -> UserError:
    index = spec.workshop.models.index(lack.model)
    hint = "Lower replicas, gpus or memory_gib, or add a host with gpus: {count: N, memory_gib: M}"
    if lack.offers:
        hint = f"It fits with {'; or with '.join(lack.offers)}"
    return spec.problem(("models", index), "does_not_fit", f"{lack.model.name}: {lack.reason}", hint)
