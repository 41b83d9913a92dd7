"""The gateway's files: nginx.conf, the njs rules, how it is started, and policy.json: who may ask what. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from orchestrator.errors import WorkshopError
from orchestrator.identity.limits import UNBOUNDED
from orchestrator.plan.gateway import (
    ADMIN_PORT,
    API_PORT,
    CONFIG_DIR,
    DATA_DIR,
    FIRST_PAGE_PORT,
    HTTP2_FILE,
    INTERNAL_PORT,
    METRICS_PORT,
    START,
    WEBUI_PORT,
    GatewayConfig,
    Page,
    RoutedModel,
    Upstream,
)
from orchestrator.render.contradictions import contradictions
from orchestrator.render.nginx import DOCKER_DNS, nginx_text, server_values
from orchestrator.render.policy_file import POLICY, of_callers, policy_text
from orchestrator.resources import TEMPLATES

RULES = "gateway.js"  # the module that nginx imports; it imports the others
AUTHORITIES = "authorities.pem"
CLIENT_CONF = "edges/client.conf"  # mode 0600: the certificate that edges of other hosts want, and its key
PROBE = "probe_"  # before the name of a block: the same server for health checks
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
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

HOST_ONLY = "__Host-"  # browsers take no cookie that begins so from another name, nor over plain HTTP
_SOURCES = TEMPLATES / "gateway"


def render_gateway(config: GatewayConfig, *, resolver: str = DOCKER_DNS) -> dict[str, str]:
    """File name -> text, all to lie in CONFIG_DIR; policy.json must be readable by root alone.

    Raises WorkshopError where the configuration contradicts itself: nginx would not say where.
    """
    text = policy_text(policy(config))
    rules = {path.name: path.read_text(encoding="utf-8") for path in sorted(_SOURCES.glob("*.js"))}
    start = (_SOURCES / START).read_text(encoding="utf-8")
    return {"nginx.conf": _nginx_conf(config, resolver), POLICY: text, START: start, **rules}


def _nginx_conf(config: GatewayConfig, resolver: str) -> str:
    values: dict[str, object] = {
        "api_port": API_PORT,
        "internal_port": INTERNAL_PORT,
        "admin_port": ADMIN_PORT,
        "metrics_port": METRICS_PORT,
        "config_dir": CONFIG_DIR,
        "data_dir": DATA_DIR,
        "resolver": resolver,
        "tls": config.tls,
        "http2": HTTP2_FILE.replace(".", "[.]"),  # a pattern may match nothing: where nginx was started without START
        "authorities": f"{CONFIG_DIR}/{AUTHORITIES}" if config.authorities else SYSTEM_AUTHORITIES,
        "edges": f"{CONFIG_DIR}/{CLIENT_CONF}" if config.edges else None,
        "headers": _header_names(config),
        "backends": [
            {"block": block, "probe": f"{PROBE}{block}", **server_values(server.host, server.port)}
            for upstream in config.upstreams
            for index, server in enumerate(upstream.servers)
            for block in (_block(upstream, index),)
        ],
        "pages": list(_pages(config)),
        "named": WEBUI_PORT if any(page.names for page in config.pages) else None,
    }
    return nginx_text(_SOURCES, "nginx.conf.j2", values)


def _pages(config: GatewayConfig) -> Iterator[dict[str, object]]:
    """Every Open WebUI: by the port of this container, or by name; one that is closed has no block."""
    if config.webui:
        yield _page(Page(WEBUI_PORT, config.webui), "open_webui", None)
    for page in config.pages:
        name = page.names[0].split(".")[0] if page.names else page.port - FIRST_PAGE_PORT + 1
        yield _page(page, f"open_webui_{name}", _cookie_mark(page, config))


def _page(page: Page, block: str, mark: str | None) -> dict[str, object]:
    found = server_values(page.server.host, page.server.port) if page.server else {}
    return {"port": page.port, "names": page.names, "mark": mark, "block": block if page.server else None, **found}


def _cookie_mark(page: Page, config: GatewayConfig) -> str | None:
    """What the browser's names for its cookies begin with; None: with nothing of ours."""
    if not page.names:
        return f"w{page.port}-"  # a browser shows cookies of one port to all the others
    return HOST_ONLY if config.tls else None


def policy(config: GatewayConfig) -> dict[str, Any]:
    """What policy.json says, as it is read from there. Raises WorkshopError as `render_gateway` does."""
    problems = list(contradictions(config))
    if problems:
        raise WorkshopError("the gateway's configuration is inconsistent: " + "; ".join(problems))
    return {
        "workshop": config.workshop,
        "title": config.title,
        "revision": config.revision,
        "change": config.change,
        "window": asdict(config.window),
        "admin_port": ADMIN_PORT,
        "paths": PATHS,
        "ollama_version": OLLAMA_VERSION,
        **of_callers(config.callers, config.limits),
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
        "label": f"model={json.dumps(model.name, ensure_ascii=False)}",  # Prometheus escapes as JSON does
        "limits": None if model.limits == UNBOUNDED else asdict(model.limits),
    }


def _upstream(upstream: Upstream, config: GatewayConfig) -> dict[str, object]:
    headers = {name.lower(): value.get_secret_value() for name, value in upstream.headers}
    return {
        "name": upstream.name,
        "base_path": upstream.base_path.rstrip("/"),
        "query": upstream.query,
        "model": upstream.model,
        "provider": upstream.is_providers,
        "native": any(model.ollama and model.upstreams[0] == upstream.name for model in config.models),
        "headers": [headers.get(name.lower(), "") for name in _header_names(config)],
        "servers": [
            {"backend": server.backend, "origin": _origin(upstream, index), "host": server.host_header}
            for index, server in enumerate(upstream.servers)
        ],
    }


def _backends(config: GatewayConfig) -> Iterator[tuple[str, dict[str, object]]]:
    """Several upstreams may lead to one backend, as models of one provider do; the last one's way to it is checked."""
    for upstream in config.upstreams:
        for index, server in enumerate(upstream.servers):
            origin = _origin(upstream, index, before=PROBE)
            checked = {"health": server.health, "origin": origin, "host": server.host_header}
            yield server.backend, {"drained": server.drained, **checked}


def _block(upstream: Upstream, index: int) -> str:
    return f"{upstream.name}_{index + 1}"


def _origin(upstream: Upstream, index: int, *, before: str = "") -> str:
    return f"{'https' if upstream.servers[index].tls else 'http'}://{before}{_block(upstream, index)}"


def _header_names(config: GatewayConfig) -> list[str]:
    """Those of all upstreams, once each whatever their case."""
    names = {name.lower(): name for upstream in config.upstreams for name, _ in upstream.headers}
    return sorted(names.values())
