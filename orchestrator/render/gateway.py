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
    WEBUI_PORT,
    Caller,
    GatewayConfig,
    RoutedModel,
    Server,
    Upstream,
)
from orchestrator.resources import TEMPLATES

RULES = "gateway.js"  # the module that nginx imports; it imports the others
POLICY = "policy.json"  # mode 0600: holds providers' keys
DOCKER_DNS = "127.0.0.11"
OLLAMA_VERSION = "0.12.0"  # the API that /ollama/api/* follows, as /ollama/api/version tells it
PATHS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completion",
    "/v1/embeddings": "embeddings",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
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
        config_dir=CONFIG_DIR,
        data_dir=DATA_DIR,
        resolver=resolver,
        tls=config.tls,
        upstreams=[{"name": u.name, "servers": [_server(s) for s in u.servers]} for u in config.upstreams],
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
        "window": asdict(config.window),
        "paths": PATHS,
        "ollama_version": OLLAMA_VERSION,
        "callers": {caller.id: _caller(caller, config) for caller in config.callers},
        "keys": {digest: caller.id for caller in config.callers for digest in caller.key_hashes},
        "emails": {caller.email.lower(): caller.id for caller in config.callers if caller.email},
        "models": {
            model.name: {"upstreams": list(model.upstreams), "engine": model.engine, "ollama": model.ollama}
            for model in config.models
        },
        "upstreams": {upstream.name: _upstream(upstream) for upstream in config.upstreams},
    }


def _caller(caller: Caller, config: GatewayConfig) -> dict[str, Any]:
    return {
        "models": dict.fromkeys(caller.models, True),
        "limits": asdict(caller.limits or config.limits),
        "exempt": caller.exempt,
        "service": caller.service,
        "minute_offset": zlib.crc32(caller.id.encode()) % 60,
    }


def _upstream(upstream: Upstream) -> dict[str, object]:
    return {
        "origin": f"{'https' if upstream.tls else 'http'}://{upstream.name}",
        "host": upstream.host_header,
        "base_path": upstream.base_path.rstrip("/"),
        "model": upstream.model,
        "servers": len(upstream.servers),
        "authorization": dict(upstream.headers)["Authorization"].get_secret_value() if upstream.headers else "",
    }


def _problems(config: GatewayConfig) -> Iterator[str]:
    yield from _repeated("caller", [caller.id for caller in config.callers])
    yield from _repeated("key", [digest for caller in config.callers for digest in caller.key_hashes])
    yield from _repeated("mail", [caller.email.lower() for caller in config.callers if caller.email])
    yield from _repeated("model", [model.name for model in config.models])
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
    headers = "".join(f"{name}{value.get_secret_value()}" for name, value in upstream.headers)
    for what, text in (("host header", upstream.host_header), ("base path", upstream.base_path), ("headers", headers)):
        if _CONTROL.search(text):
            yield f"upstream {upstream.name!r} has a control character in its {what}"
