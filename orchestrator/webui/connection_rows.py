"""A row of Open WebUI's form of connections, and the form of those that speak OpenAI's API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from orchestrator.spec.connections import model_id
from orchestrator.webui.wanted import Connection

READ, WRITE = "/openai/config", "/openai/config/update"
TAG = "workshop"  # the gateway's; the others have one with their name behind it
PERSON_HEADER = "X-OpenWebUI-User-Email"  # by which the gateway knows for whom it is asked
FIELDS = {"model_ids": "models", "prefix_id": "prefix", "tags": "tags", "headers": "headers", "auth_type": "key"}


@dataclass(frozen=True, slots=True)
class Row:
    """One connection as the server keeps it; `options` without the key."""

    url: str
    key: str
    options: Mapping[str, Any]
    kind: str = "openai"

    @property
    def secret(self) -> SecretStr | None:
        return SecretStr(self.key) if self.key else None

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(str(tag.get("name")) for tag in self.options.get("tags") or () if isinstance(tag, dict))

    @property
    def mark(self) -> str | None:
        """The name that it has in the workshop; None: the gateway's, or somebody else's."""
        return next((tag.removeprefix(f"{TAG}:") for tag in self.tags if tag.startswith(f"{TAG}:")), None)

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.options.get("model_ids") or ())

    @property
    def is_on(self) -> bool:
        return bool(self.options.get("enable", True))

    @property
    def ids(self) -> tuple[str, ...]:
        """What people call its models."""
        return tuple(model_id(self.options.get("prefix_id"), self.kind, model) for model in self.models)


def row_of(connection: Connection) -> Row:
    """As the server should keep it."""
    models = [model_id(None, connection.kind, model) for model in connection.models]
    options = options_of(
        connection.prefix, models, (f"{TAG}:{connection.name}", *connection.tags), plain(connection.headers)
    )
    how = {"auth_type": "bearer" if connection.key else "none", "enable": connection.enabled}
    key = connection.key.get_secret_value() if connection.key else ""
    return Row(connection.url, key, {**options, **how}, connection.kind)


def options_of(prefix: str, models: Sequence[str], tags: Sequence[str], headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "enable": True,
        # Listed here, so that neither a server that is down nor one person's list decides what everybody sees.
        "model_ids": list(models),
        "prefix_id": prefix,
        "tags": [{"name": tag} for tag in tags],
        "connection_type": "external",
        # On this connection alone: the server's own switch would send names and mails to every provider.
        "headers": dict(headers),
    }


def plain(headers: Mapping[str, str | SecretStr]) -> dict[str, str]:
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in headers.items()
    }


def is_there(connection: Connection, there: Row) -> bool:
    return row_of(connection) == there


def told(connection: Connection, there: Row) -> str:
    """What was put right, in words; no value of it."""
    should = row_of(connection)
    if should.kind != there.kind:
        return f"of the kind {should.kind} now"
    fields = [name for name in ("url", "key") if getattr(should, name) != getattr(there, name)]
    options = should.options.keys() | there.options.keys()
    different = {name for name in options if should.options.get(name) != there.options.get(name)}
    fields += sorted({FIELDS.get(name, name) for name in different - {"enable"}} - {*fields})
    switched = [f"switched {'on' if connection.enabled else 'off'}"] if "enable" in different else []
    return ", ".join([*switched, *([f"put right: {', '.join(fields)}"] if fields else [])])


def rows_of(form: Mapping[str, Any]) -> list[Row]:
    """Those of the form, each with its options."""
    found = normal(form)
    both = zip(found["OPENAI_API_BASE_URLS"], found["OPENAI_API_KEYS"], strict=True)
    return [Row(url, key, found["OPENAI_API_CONFIGS"][str(index)]) for index, (url, key) in enumerate(both)]


def with_rows(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "ENABLE_OPENAI_API": True,  # left out, it would be stored as off
        "OPENAI_API_BASE_URLS": [row.url for row in rows],
        "OPENAI_API_KEYS": [row.key for row in rows],
        "OPENAI_API_CONFIGS": {str(index): dict(row.options) for index, row in enumerate(rows)},
    }


def normal(found: Mapping[str, Any]) -> dict[str, Any]:
    """The lists of the form, as long as each other, and the options of each by its index."""
    urls = list(found["OPENAI_API_BASE_URLS"])
    keys = list(found["OPENAI_API_KEYS"])[: len(urls)]
    keys += [""] * (len(urls) - len(keys))
    options = found.get("OPENAI_API_CONFIGS") or {}
    return {
        "ENABLE_OPENAI_API": bool(found["ENABLE_OPENAI_API"]),
        "OPENAI_API_BASE_URLS": urls,
        "OPENAI_API_KEYS": keys,
        # Older servers kept the options under the URL.
        "OPENAI_API_CONFIGS": {
            str(index): options.get(str(index), options.get(url, {})) for index, url in enumerate(urls)
        },
    }
