"""Who may ask what: from workshop, people and backends to what the gateway must know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import SecretStr

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.plan.deployment import WEBUI_CONTAINER_PORT, WEBUI_SERVICE, Deployment
from orchestrator.plan.embedding_keys import embedding_callers
from orchestrator.plan.external import Secrets, external_upstream
from orchestrator.plan.gateway import Caller, CallerLimits, GatewayConfig, RoutedModel, Server, Upstream, Window
from orchestrator.plan.instances import instances
from orchestrator.plan.limits import limits_at, limits_of
from orchestrator.plan.stacks import distinct, service_names, slug
from orchestrator.plan.team_keys import team_callers
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.spec.names import fallbacks
from orchestrator.spec.workshop import Workshop

VERIFY = "_verify"  # asks as a participant would; exempt from the window, never listed, no card
SERVICE = "_webui"  # Open WebUI itself
INSTRUCTOR = "_instructor"  # its administrator
UNBOUNDED = CallerLimits()


def verifiers(workshop: Workshop) -> tuple[Participant, ...]:
    """Who asks on behalf of `verify`: somebody without a team, and one for each team that has models of its own."""
    slugs = distinct(workshop.teams, slug)
    return (Participant(VERIFY), *(Participant(f"{VERIFY}-{slugs[team]}", team=team) for team in workshop.teams))


def key_of(secret: bytes, participant: Participant) -> SecretStr:
    return keys.api_key(secret, participant.id, participant.key_generation)


def instructor_email(workshop: str) -> str:
    """The first administrator of Open WebUI."""
    return f"instructor@{workshop}.workshop.local"


def service_key(secret: bytes) -> SecretStr:
    """Open WebUI's own key at the gateway."""
    return keys.api_key(secret, SERVICE, 1)


def models_for(workshop: Workshop, team: str | None) -> tuple[str, ...]:
    """The models that a member of this team may use, in the order of the spec."""
    return tuple(model.name for model in workshop.listed if model.open_to(team))


def gateway_config(
    workshop: Workshop,
    deployment: Deployment,
    people: Sequence[Participant],
    secret: bytes,
    provider_secrets: Secrets,
    *,
    revision: int = 0,
    drained: AbstractSet[str] = frozenset(),
) -> GatewayConfig:
    """The gateway's whole configuration.

    `provider_secrets` are those of external models; `revision` is the state's; `drained` backends, by name, get no
    new requests.
    """
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
        callers=tuple(_callers(workshop, people, secret)),
        models=tuple(_routed(model, models, deployment, names) for model in workshop.models),
        upstreams=upstreams,
        webui=Server(WEBUI_SERVICE, WEBUI_CONTAINER_PORT) if workshop.webui.is_here else None,
        pages=tuple(instance.page for instance in instances(workshop, people)),
        tls=workshop.public.tls is not None,
        authorities=any(server.tls for upstream in upstreams for server in upstream.servers),
        revision=revision,
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


def _callers(workshop: Workshop, people: Sequence[Participant], secret: bytes) -> Iterator[Caller]:
    everything = tuple(model.name for model in workshop.listed)
    for person in people:
        if person.state == "active":
            yield Caller(
                id=person.id,
                key_hashes=(keys.fingerprint(key_of(secret, person)),),
                models=models_for(workshop, person.team),
                email=person.webui_email(workshop.name),
                limits=limits_of(workshop.limits, person),
                exempt=person.team in workshop.instructors,
            )
    for person in verifiers(workshop):
        yield Caller(
            id=person.id,
            key_hashes=(keys.fingerprint(key_of(secret, person)),),
            models=models_for(workshop, person.team),
            email=person.webui_email(workshop.name),
            limits=UNBOUNDED,
            exempt=True,
        )
    yield from team_callers(workshop, people, secret)
    if workshop.webui.is_here:
        yield Caller(
            id=INSTRUCTOR,
            key_hashes=(),  # asks through Open WebUI only
            models=everything,
            email=instructor_email(workshop.name),
            limits=UNBOUNDED,
            exempt=True,
        )
    yield from embedding_callers(workshop, people, secret)
    if workshop.webui.is_own:
        return  # whoever administers a server with the service key could ask in anybody's name
    yield Caller(
        id=SERVICE,
        key_hashes=(keys.fingerprint(service_key(secret)),),
        models=everything,
        limits=UNBOUNDED,
        exempt=True,
        service=True,
    )


def _routed(model: Model, models: Mapping[str, Model], deployment: Deployment, names: Mapping[str, str]) -> RoutedModel:
    backends = deployment.backends_of(model.name)
    native = bool(backends) and all(backend.container.component is Component.OLLAMA for backend in backends)
    return RoutedModel(
        name=model.name,
        upstreams=(names[model.name], *(names[other.name] for other in fallbacks(model, models))),
        engine=str(model.engine),
        ollama=native,
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
