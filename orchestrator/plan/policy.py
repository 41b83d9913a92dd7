"""Who may ask what, and where it goes: from identity and backends to what the gateway must know. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.identity.callers import callers
from orchestrator.identity.identity import Identity
from orchestrator.identity.limits import CallerLimits, limits_at
from orchestrator.plan.deployment import WEBUI_CONTAINER_PORT, WEBUI_SERVICE, Deployment
from orchestrator.plan.external import Secrets, external_upstream
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream, Window
from orchestrator.plan.instances import instances
from orchestrator.plan.stacks import service_names
from orchestrator.spec.models import Model
from orchestrator.spec.names import fallbacks
from orchestrator.spec.workshop import Workshop


def gateway_config(
    identity: Identity,
    deployment: Deployment,
    provider_secrets: Secrets,
    *,
    revision: int = 0,
    change: Mapping[str, str] | None = None,
    drained: AbstractSet[str] = frozenset(),
) -> GatewayConfig:
    """The gateway's whole configuration.

    `provider_secrets` are those of external models; `revision` is the state's, made by `change`; `drained` backends,
    by name, get no new requests.
    """
    workshop = identity.workshop
    names = service_names(workshop.models)
    models = {model.name: model for model in workshop.models}
    upstreams = tuple(
        _upstream(model, deployment, names[model.name], provider_secrets, drained) for model in workshop.models
    )
    return GatewayConfig(
        workshop=workshop.name,
        title=workshop.title,
        window=window(workshop),
        limits=CallerLimits(**workshop.limits.default),
        callers=callers(identity),
        models=tuple(_routed(model, models, deployment, names) for model in workshop.models),
        upstreams=upstreams,
        webui=Server(WEBUI_SERVICE, WEBUI_CONTAINER_PORT) if workshop.webui.is_here else None,
        pages=tuple(instance.page for instance in instances(workshop, identity.people)),
        tls=workshop.public.tls is not None,
        authorities=any(server.tls for upstream in upstreams for server in upstream.servers),
        revision=revision,
        change=change,
    )


def window(workshop: Workshop) -> Window:
    """With its grace; the words name the hours without it."""
    if workshop.window is None:
        return Window()
    opens, closes = workshop.window
    earliest = opens - timedelta(minutes=workshop.grace.before)
    latest = closes + timedelta(minutes=workshop.grace.after)
    return Window(int(earliest.timestamp()), int(latest.timestamp()), _in_words(opens), _in_words(closes))


def _in_words(moment: datetime) -> str:
    offset = moment.isoformat().removeprefix(moment.replace(tzinfo=None).isoformat())
    return f"{moment:%A} {moment.day} {moment:%B %Y, %H:%M} (UTC{offset})"


def _routed(model: Model, models: Mapping[str, Model], deployment: Deployment, names: Mapping[str, str]) -> RoutedModel:
    return RoutedModel(
        name=model.name,
        upstreams=(names[model.name], *(names[other.name] for other in fallbacks(model, models))),
        engine=str(model.engine),
        ollama=model.name in deployment.native,
        aliases=tuple(model.aliases),
        balance=model.balance,
        limits=limits_at(model.limits),
    )


def _upstream(model: Model, deployment: Deployment, name: str, secrets: Secrets, drained: AbstractSet[str]) -> Upstream:
    backends = deployment.backends_of(model.name)
    if not backends:
        return external_upstream(model, name, secrets, drained=name in drained)
    servers = tuple(replace(backend.server, drained=backend.service in drained) for backend in backends)
    return Upstream(name=name, servers=servers, model=backends[0].served_name)
