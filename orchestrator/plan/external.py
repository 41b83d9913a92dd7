"""How an external model is asked: its provider's address, and what goes with each request. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from orchestrator.plan.gateway import Server, Upstream
from orchestrator.spec.models import Model
from orchestrator.spec.providers import BEARER
from orchestrator.spec.values import SecretReference

Secrets = Mapping[SecretReference, SecretStr]
USUAL_PORT = {"http": 80, "https": 443}


def external_upstream(model: Model, name: str, secrets: Secrets, *, drained: bool) -> Upstream:
    """A header whose secret is not among `secrets` is left out."""
    if model.endpoint is None:
        raise ValueError(model.name)
    url = urlsplit(model.endpoint)
    host, port = url.hostname or "", url.port or USUAL_PORT[url.scheme]
    return Upstream(
        name=name,
        servers=(
            Server(
                host,
                port,
                name=name,
                drained=drained,
                tls=url.scheme == "https",
                host_header=url.netloc,  # with its port, where that is not the usual one
            ),
        ),
        model=model.source,
        base_path=url.path.rstrip("/"),
        headers=tuple(_headers(model, secrets)),
        query=urlencode(model.query),
    )


def _headers(model: Model, secrets: Secrets) -> Iterator[tuple[str, SecretStr]]:
    """The key first, then what the provider always wants, then what the spec says; a name stands there once."""
    key = secrets.get(model.api_key) if model.api_key else None
    if key is not None:
        bearer = model.api_key_header.lower() == BEARER.lower()
        yield model.api_key_header, SecretStr(f"Bearer {key.get_secret_value()}") if bearer else key
    own = {name.lower() for name in model.headers}
    for name, value in model.preset.headers if model.preset else ():
        if name.lower() not in own:
            yield name, SecretStr(value)
    for name, given in model.headers.items():
        secret = secrets.get(given) if isinstance(given, SecretReference) else SecretStr(given)
        if secret is not None:
            yield name, secret
