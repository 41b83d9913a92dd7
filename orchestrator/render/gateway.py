"""The gateway's files: nginx.conf, the njs rules, and policy.json, which says who may ask what. Pure."""

from __future__ import annotations

import ipaddress
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.errors import WorkshopError
from orchestrator.plan.gateway import (
    ADMIN_PORT,
    API_PORT,
    CONFIG_DIR,
    DATA_DIR,
    INTERNAL_PORT,
    METRICS_PORT,
    WEBUI_PORT,
    Caller,
    CallerLimits,
    GatewayConfig,
    RoutedModel,
    Server,
    Upstream,
)
from orchestrator.resources import TEMPLATES

RULES = "gateway.js"  # the module that nginx imports; it imports the others
POLICY = "policy.json"  # mode 0600: holds providers' keys
AUTHORITIES = "authorities.pem"
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
DOCKER_DNS = "127.0.0.11"
OLLAMA_VERSION = "0.12.0"  # the API that /ollama/api/* follows, as /ollama/api/version tells it
PATHS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completion",
    "/v1/embeddings": "embeddings",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/audio/transcriptions": "transcription",
    "/v1/audio/speech": "speech",
    "/v1/images/generations": "image",
    "/ollama/api/chat": "native",
    "/ollama/api/generate": "native",
    "/ollama/api/embed": "native",
    "/ollama/api/show": "show",
}

_SOURCES = TEMPLATES / "gateway"
_NGINX_WORD = re.compile(r"[A-Za-z0-9@/._:\[\]-]+")
_UPSTREAM_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_OWN_HEADERS = frozenset({"host", "content-type", "content-length", "connection", "transfer-encoding", "x-request-id"})


def render_gateway(config: GatewayConfig, *, resolver: str = DOCKER_DNS) -> dict[str, str]:
    """File name -> text, all to lie in CONFIG_DIR; policy.json must be readable by root alone.

    Raises WorkshopError where the configuration contradicts itself: nginx would not say where.
    """
    problems = list(_problems(config))
    if problems:
        raise WorkshopError("the gateway's configuration is inconsistent: " + "; ".join(problems))
    rules = {path.name: path.read_text(encoding="utf-8") for path in sorted(_SOURCES.glob("*.js"))}
    policy = json.dumps(_policy(config), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    return {"nginx.conf": _nginx_conf(config, resolver), POLICY: policy, **rules}


def _nginx_conf(config: GatewayConfig, resolver: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(_SOURCES),
        undefined=StrictUndefined,
        finalize=_nginx_word,
        autoescape=False,  # noqa: S701  not HTML; finalize lets nothing through that nginx could read as syntax
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("nginx.conf.j2").render(
        api_port=API_PORT,
        webui_port=WEBUI_PORT,
        internal_port=INTERNAL_PORT,
        admin_port=ADMIN_PORT,
        metrics_port=METRICS_PORT,
        config_dir=CONFIG_DIR,
        data_dir=DATA_DIR,
        resolver=resolver,
        tls=config.tls,
        authorities=f"{CONFIG_DIR}/{AUTHORITIES}" if config.authorities else SYSTEM_AUTHORITIES,
        headers=_header_names(config),
        backends=[
            {"block": _block(upstream, index), **_server(server)}
            for upstream in config.upstreams
            for index, server in enumerate(upstream.servers)
        ],
        webui=_server(config.webui) if config.webui else None,
    )


def _nginx_word(value: object) -> str:
    """A value as one bare word of nginx's language, which has no safe way to quote (`$` works inside quotes)."""
    text = str(value)
    if not _NGINX_WORD.fullmatch(text):
        raise WorkshopError(f"{text!r} can't stand in nginx.conf")
    return text


def _server(server: Server) -> dict[str, object]:
    try:
        version = ipaddress.ip_address(server.host).version
    except ValueError:
        return {"address": f"{server.host}:{server.port}", "by_name": True}
    host = f"[{server.host}]" if version == 6 else server.host  # noqa: PLR2004
    return {"address": f"{host}:{server.port}", "by_name": False}


def _policy(config: GatewayConfig) -> dict[str, Any]:
    return {
        "workshop": config.workshop,
        "title": config.title,
        "revision": config.revision,
        "window": asdict(config.window),
        "admin_port": ADMIN_PORT,
        "paths": PATHS,
        "ollama_version": OLLAMA_VERSION,
        "callers": {caller.id: _caller(caller, config) for caller in config.callers},
        "keys": {digest: caller.id for caller in config.callers for digest in caller.key_hashes},
        "emails": {caller.email.lower(): caller.id for caller in config.callers if caller.email},
        "aliases": {alias: model.name for model in config.models for alias in model.aliases},
        "models": {model.name: _model(model) for model in config.models},
        "headers": len(_header_names(config)),
        "upstreams": {upstream.name: _upstream(upstream, config) for upstream in config.upstreams},
        "backends": dict(_backends(config)),
    }


def _model(model: RoutedModel) -> dict[str, Any]:
    return {
        "upstreams": list(model.upstreams),
        "engine": model.engine,
        "ollama": model.ollama,
        "balance": model.balance,
        "limits": None if model.limits == CallerLimits() else asdict(model.limits),
    }


def _caller(caller: Caller, config: GatewayConfig) -> dict[str, Any]:
    return {
        "models": dict.fromkeys(caller.models, True),
        "limits": asdict(caller.limits or config.limits),
        "exempt": caller.exempt,
        "service": caller.service,
        "minute_offset": zlib.crc32(caller.id.encode()) % 60,
    }


def _upstream(upstream: Upstream, config: GatewayConfig) -> dict[str, object]:
    headers = {name.lower(): value.get_secret_value() for name, value in upstream.headers}
    return {
        "name": upstream.name,
        "host": upstream.host_header,
        "base_path": upstream.base_path.rstrip("/"),
        "query": upstream.query,
        "model": upstream.model,
        "provider": bool(upstream.headers) or upstream.tls,
        "native": any(model.ollama and model.upstreams[0] == upstream.name for model in config.models),
        "headers": [headers.get(name.lower(), "") for name in _header_names(config)],
        "servers": [
            {"backend": server.backend, "origin": _origin(upstream, index)}
            for index, server in enumerate(upstream.servers)
        ],
    }


def _backends(config: GatewayConfig) -> Iterator[tuple[str, dict[str, object]]]:
    """Several upstreams may lead to one backend, as models of one provider do; the last one's way to it is checked."""
    for upstream in config.upstreams:
        for index, server in enumerate(upstream.servers):
            checked = {"health": server.health, "origin": _origin(upstream, index), "host": upstream.host_header}
            yield server.backend, {"drained": server.drained, **checked}


def _block(upstream: Upstream, index: int) -> str:
    return f"{upstream.name}_{index + 1}"


def _origin(upstream: Upstream, index: int) -> str:
    return f"{'https' if upstream.tls else 'http'}://{_block(upstream, index)}"


def _header_names(config: GatewayConfig) -> list[str]:
    """Those of all upstreams, once each whatever their case."""
    names = {name.lower(): name for upstream in config.upstreams for name, _ in upstream.headers}
    return sorted(names.values())


def _problems(config: GatewayConfig) -> Iterator[str]:
    yield from _repeated("caller", [caller.id for caller in config.callers])
    yield from _repeated("key", [digest for caller in config.callers for digest in caller.key_hashes])
    yield from _repeated("mail", [caller.email.lower() for caller in config.callers if caller.email])
    yield from _repeated("model", [name for model in config.models for name in (model.name, *model.aliases)])
    yield from _repeated("upstream", [upstream.name for upstream in config.upstreams])
    for edge, seconds in (("opening", config.window.opens), ("closing", config.window.closes)):
        if seconds is not None and not math.isfinite(seconds):
            yield f"the window's {edge} time is no time"
    models = {model.name for model in config.models}
    upstreams = {upstream.name for upstream in config.upstreams}
    for caller in config.callers:
        yield from _caller_problems(caller, models)
    for model in config.models:
        yield from _model_problems(model, upstreams)
    for upstream in config.upstreams:
        yield from _upstream_problems(upstream)


def _repeated(kind: str, names: list[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{kind} {name!r} is there {count} times"


def _caller_problems(caller: Caller, models: set[str]) -> Iterator[str]:
    if not caller.id or _CONTROL.search(caller.id):
        yield f"{caller.id!r} can't name a caller"
    for digest in caller.key_hashes:
        if not _SHA256.fullmatch(digest):
            yield f"caller {caller.id!r} has a key that is not a SHA-256 in hex"
    for name in caller.models:
        if name not in models:
            yield f"caller {caller.id!r} may use the model {name!r}, which is not there"


def _model_problems(model: RoutedModel, upstreams: set[str]) -> Iterator[str]:
    if not model.upstreams:
        yield f"model {model.name!r} has no upstream"
    for name in model.upstreams:
        if name not in upstreams:
            yield f"model {model.name!r} goes to the upstream {name!r}, which is not there"


def _upstream_problems(upstream: Upstream) -> Iterator[str]:
    if not _UPSTREAM_NAME.fullmatch(upstream.name):
        yield f"{upstream.name!r} can't name an upstream: lower-case letters, digits and hyphens only"
    if not upstream.servers:
        yield f"upstream {upstream.name!r} has no server"
    for name, _ in upstream.headers:
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            yield f"upstream {upstream.name!r} can't be sent the header {name!r}"
    values = "".join(value.get_secret_value() for _, value in upstream.headers)
    for what, text in (
        ("host header", upstream.host_header),
        ("base path", upstream.base_path),
        ("query", upstream.query),
        ("headers", values),
    ):
        if _CONTROL.search(text):
            yield f"upstream {upstream.name!r} has a control character in its {what}"
