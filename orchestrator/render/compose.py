"""A stack as the text of its compose.yaml. Pure, but for reading the packaged templates."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator import resources
from orchestrator.engines.arguments import curl_health
from orchestrator.engines.container import Container, Fetch
from orchestrator.plan import gateway as inside
from orchestrator.plan.deployment import GATEWAY_SERVICE, WEBUI_SERVICE, Backend, Stack
from orchestrator.plan.edges import EDGE_HEALTH_PORT, EDGE_PORT, EDGE_SERVICE
from orchestrator.spec.components import Component
from orchestrator.templating import configuration

LOGGING = {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}
BMP_LAST = 0xFFFF
_NOT_PRINTABLE_ASCII = re.compile(r"[^\x20-\x7e]")
SECRETS_FOLDER = "secrets"
LIMIT_MIB = 2048  # of one of somebody's own: an admin's Python must not take the host's
ONLY_WHAT_IS_THERE = {"bind": {"create_host_path": False}}  # else Docker makes a folder of that name, and it stays
HEALTH_FRONT = ("curl", "-fsSk", "-o", "/dev/null", "-m", "3")


@dataclass(frozen=True, slots=True)
class Published:
    """A port of the host that leads to one of the gateway's container; `address` empty: on all of the host's."""

    port: int
    target: int
    address: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.address, str(self.port), str(self.target))))


@dataclass(frozen=True, slots=True)
class StackValues:
    """What a compose.yaml holds beside its stack."""

    workshop: str
    deployment: str  # the deployment's id
    images: Mapping[Component, str]
    published: tuple[Published, ...]
    tls: bool
    webui_environments: Mapping[str, Mapping[str, str]]  # by service
    webui_secrets: tuple[str, ...]
    inputs: Mapping[str, str]  # service -> digest of what is mounted into it


def render_compose(stack: Stack, values: StackValues) -> str:
    """The compose.yaml of one host."""
    mounted = [part for backend in stack.backends for part in (backend.container, backend.fetch) if part]
    weights = sorted({volume for part in mounted for volume, _ in part.volumes})
    webuis = [_webui(service, values) for service in _webui_services(stack)]
    data = [*(["gateway-data"] if stack.gateway else []), *(webui["volume"] for webui in webuis)]
    return (
        configuration(resources.COMPOSE, _quoted, own_lines=False)
        .get_template("stack.yaml.j2")
        .render(
            stack=stack,
            images=values.images,
            labels={
                "workshop.name": values.workshop,
                "workshop.deployment": values.deployment,
                "workshop.host": stack.host.name,
            },
            logging=LOGGING,
            gateway={
                "service": GATEWAY_SERVICE,
                "command": inside.start_command(),
                "config_dir": inside.CONFIG_DIR,
                "data_dir": inside.DATA_DIR,
                "instances": [instance.service for instance in stack.instances],
                "ports": [str(published) for published in values.published],
                "health": [*HEALTH_FRONT, f"{'https' if values.tls else 'http'}://127.0.0.1:{inside.API_PORT}/healthz"],
            },
            edge={
                "service": EDGE_SERVICE,
                "config_dir": inside.CONFIG_DIR,
                "ports": [str(Published(stack.host.edge_port, EDGE_PORT))],
                "health": curl_health(EDGE_HEALTH_PORT, "/healthz"),
            },
            webuis=webuis,
            inputs=values.inputs,
            volumes={"weights": weights, "data": data},
            secrets={name: f"./{SECRETS_FOLDER}/{name}" for name in secret_names(stack, values.webui_secrets)},
            mounts=_mounts,
            devices=_devices,
            secret_mounts=_secret_mounts,
        )
    )


def secret_names(stack: Stack, webui_secrets: tuple[str, ...]) -> list[str]:
    """The files below `secrets/` that this stack mounts: SERVICE.VARIABLE."""
    names = [f"{service}.{name}" for service in _webui_services(stack) for name in webui_secrets]
    for backend in stack.backends:
        variables = {
            *backend.container.secret_environment,
            *(backend.fetch.secret_environment if backend.fetch else ()),
        }
        names += [f"{backend.service}.{variable}" for variable in sorted(variables)]
    return names


def _webui_services(stack: Stack) -> list[str]:
    return [*([WEBUI_SERVICE] if stack.webui else []), *(instance.service for instance in stack.running)]


def _webui(service: str, values: StackValues) -> dict[str, Any]:
    """One of somebody's own is on a network with the gateway alone, and may take less of the host."""
    own = service != WEBUI_SERVICE
    return {
        "service": service,
        "network": service if own else "front",
        "volume": f"{service}-data",
        "environment": dict(values.webui_environments[service]),
        "secrets": [{"source": f"{service}.{name}", "target": name} for name in values.webui_secrets],
        "health": curl_health(8080, "/ready"),
        "interval": "10s" if own else "2s",  # at 2 s, looking at fifty takes a core and a half
        "retries": 6 if own else 15,
        "start_period": "600s" if own else "180s",  # after the host's own start all of them begin at once
        "memory": f"{LIMIT_MIB}m" if own else "4g",
        "processes": 512 if own else 1024,
    }


def inputs_digest(secret: bytes, parts: Mapping[str, bytes]) -> str:
    """A digest of mounted files that tells nothing about them, so that a change of theirs recreates the container."""
    text = json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in sorted(parts.items())})
    return hmac.new(secret, text.encode(), "sha256").hexdigest()[:16]


def _mounts(part: Container | Fetch) -> list[dict[str, object]]:
    mounts: list[dict[str, object]] = [
        {"type": "volume", "source": name, "target": path} for name, path in part.volumes
    ]
    mounts += [
        {
            "type": "bind",
            "source": source if source.startswith("/") else f"./{source}",
            "target": path,
            "read_only": True,
            **ONLY_WHAT_IS_THERE,
        }
        for source, path in part.files
    ]
    if part.secret_environment:
        target = "/run/workshop/with-secrets.sh"
        own = {"type": "bind", "source": "./with-secrets.sh", "target": target, "read_only": True}
        mounts.append({**own, **ONLY_WHAT_IS_THERE})
    return mounts


def _devices(backend: Backend) -> dict[str, object]:
    """Names of the Container Device Interface (KIND=NAME) are given by a driver of their own, with no capability."""
    by_cdi = any("=" in device for device in backend.devices)
    more = {"driver": "cdi", "capabilities": []} if by_cdi else {"driver": "nvidia", "capabilities": ["gpu"]}
    return {"device_ids": list(backend.devices), **more}


def _secret_mounts(service: str, variables: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"source": f"{service}.{name}", "target": name} for name in sorted(variables)]


def _quoted(value: Any) -> str:
    """JSON is YAML, but for characters beyond the BMP; a doubled $ is not interpolated by Compose."""
    text = json.dumps(value, ensure_ascii=False).replace("$", "$$")
    return _NOT_PRINTABLE_ASCII.sub(lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    """JSON would write two surrogates, which YAML refuses: https://yaml.org/spec/1.2.2/#57-escaped-characters."""
    return f"\\u{code:04x}" if code <= BMP_LAST else f"\\U{code:08x}"
