"""Where a gateway's configuration contradicts itself: nginx would not say where. Pure."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator

from orchestrator.identity.callers import Caller
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream

_UPSTREAM_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DOMAIN_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_OWN_HEADERS = frozenset({"host", "content-type", "content-length", "connection", "transfer-encoding", "x-request-id"})


def contradictions(config: GatewayConfig) -> Iterator[str]:
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
    for server in (config.webui, *(page.server for page in config.pages)):
        if server and not _is_host(server):
            yield f"Open WebUI is not to be found at {server.host!r}"
    yield from _repeated("port", [str(page.port) for page in config.pages if not page.names])
    yield from _repeated("name", [name for page in config.pages for name in page.names])
    for name in (name for page in config.pages for name in page.names):
        if not _DOMAIN_NAME.fullmatch(name):
            yield f"{name!r} is no name for a page"


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
    for server in upstream.servers:
        if not _is_host(server):
            yield f"upstream {upstream.name!r} has a server at {server.host!r}, which is no host's name or address"
        if _CONTROL.search(server.host_header):
            yield f"upstream {upstream.name!r} has a control character in its host header"
    for name, _ in upstream.headers:
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            yield f"upstream {upstream.name!r} can't be sent the header {name!r}"
    values = "".join(value.get_secret_value() for _, value in upstream.headers)
    for what, text in (
        ("base path", upstream.base_path),
        ("query", upstream.query),
        ("headers", values),
    ):
        if _CONTROL.search(text):
            yield f"upstream {upstream.name!r} has a control character in its {what}"


def _is_host(server: Server) -> bool:
    if _HOST_NAME.fullmatch(server.host):
        return True
    try:
        ipaddress.ip_address(server.host)
    except ValueError:
        return False
    return True
