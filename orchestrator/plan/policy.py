"""Who may ask what: from workshop, people and backends to what the gateway must know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.plan.deployment import WEBUI_CONTAINER_PORT, WEBUI_SERVICE, Deployment
from orchestrator.plan.gateway import Caller, CallerLimits, GatewayConfig, RoutedModel, Server, Upstream, Window
from orchestrator.plan.stacks import distinct, service_names, slug
from orchestrator.spec.components import Component
from orchestrator.spec.models import Engine, Model
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
    return tuple(model.name for model in workshop.models if model.open_to(team))


def gateway_config(
    workshop: Workshop,
    deployment: Deployment,
    people: Sequence[Participant],
    secret: bytes,
    provider_keys: Mapping[str, SecretStr],
    *,
    revision: int = 0,
    drained: AbstractSet[str] = frozenset(),
) -> GatewayConfig:
    """The gateway's whole configuration.

    `provider_keys` are those of external models, by model; `revision` is the state's; `drained` backends, by name,
    get no new requests.
    """
    limits, names = workshop.limits, service_names(workshop.models)
    return GatewayConfig(
        workshop=workshop.name,
        title=workshop.title,
        window=window(workshop),
        limits=CallerLimits(
            requests_per_minute=limits.requests_per_minute,
            concurrent_requests=limits.concurrent_requests,
            tokens_per_minute=limits.tokens_per_minute,
            token_budget=limits.token_budget,
        ),
        callers=tuple(_callers(workshop, people, secret)),
        models=tuple(_routed(model, deployment, names) for model in workshop.models),
        upstreams=tuple(
            _upstream(model, deployment, names[model.name], provider_keys.get(model.name), drained)
            for model in workshop.models
        ),
        webui=Server(WEBUI_SERVICE, WEBUI_CONTAINER_PORT) if workshop.webui.mode != "none" else None,
        tls=workshop.public.tls is not None,
        revision=revision,
    )


def window(workshop: Workshop) -> Window:
    if workshop.window is None:
        return Window()
    opens, closes = workshop.window
    return Window(int(opens.timestamp()), int(closes.timestamp()), _in_words(opens), _in_words(closes))


def _in_words(moment: datetime) -> str:
    offset = moment.isoformat()[-6:]
    return f"{moment:%A} {moment.day} {moment:%B %Y, %H:%M} (UTC{offset})"


def _callers(workshop: Workshop, people: Sequence[Participant], secret: bytes) -> Iterator[Caller]:
    everything = tuple(model.name for model in workshop.models)
    for person in people:
        if person.state == "active":
            yield Caller(
                id=person.id,
                key_hashes=(keys.fingerprint(key_of(secret, person)),),
                models=models_for(workshop, person.team),
                email=person.webui_email(workshop.name),
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
    if workshop.webui.mode != "none":
        yield Caller(
            id=INSTRUCTOR,
            key_hashes=(),  # asks through Open WebUI only
            models=everything,
            email=instructor_email(workshop.name),
            limits=UNBOUNDED,
            exempt=True,
        )
    yield Caller(
        id=SERVICE,
        key_hashes=(keys.fingerprint(service_key(secret)),),
        models=everything,
        limits=UNBOUNDED,
        exempt=True,
        service=True,
    )


def _routed(model: Model, deployment: Deployment, names: Mapping[str, str]) -> RoutedModel:
    backends = deployment.backends_of(model.name)
    native = bool(backends) and all(backend.container.component is Component.OLLAMA for backend in backends)
    return RoutedModel(name=model.name, upstreams=(names[model.name],), engine=str(model.engine), ollama=native)


def _upstream(
    model: Model, deployment: Deployment, name: str, provider_key: SecretStr | None, drained: AbstractSet[str]
) -> Upstream:
    backends = deployment.backends_of(model.name)
    if backends:
        servers = tuple(replace(backend.server, drained=backend.service in drained) for backend in backends)
        return Upstream(name=name, servers=servers, model=backends[0].served_name)
    if model.engine is not Engine.EXTERNAL or model.base_url is None:
        raise ValueError(model.name)
    url = urlsplit(model.base_url)
    tls = url.scheme == "https"
    return Upstream(
        name=name,
        servers=(Server(url.hostname or "", url.port or (443 if tls else 80), name=name, drained=name in drained),),
        model=model.source,
        tls=tls,
        host_header=url.hostname or "",
        base_path=url.path.rstrip("/"),
        headers=(("Authorization", SecretStr(f"Bearer {provider_key.get_secret_value()}")),) if provider_key else (),
    )
