"""Everything that lies in a stack's folder on its host. Pure, but for reading packaged files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import SecretStr

from orchestrator import resources
from orchestrator.engines.practice import CHECKPOINT, GGUF, PUT_SCRIPT
from orchestrator.errors import WorkshopError
from orchestrator.plan.deployment import GATEWAY_SERVICE, WEBUI_SERVICE, Stack
from orchestrator.plan.edges import EDGE_SERVICE
from orchestrator.plan.gateway import START, GatewayConfig
from orchestrator.render.compose import SECRETS_FOLDER, StackValues, inputs_digest, render_compose, secret_names
from orchestrator.render.edge import EdgeCredentials, edge_files, gateway_files
from orchestrator.render.files import PRIVATE, READABLE, RUNNABLE, File
from orchestrator.render.gateway import render_gateway

WITH_SECRETS = "with-secrets.sh"
AUTHORITIES = "authorities.pem"


@dataclass(frozen=True, slots=True)
class StackInputs:
    """What goes into a stack's files and is not in its plan."""

    secret: bytes  # the workshop's: keys the digests of other secrets
    gateway: GatewayConfig | None
    tls: Mapping[str, bytes]  # cert.pem, key.pem
    authorities: bytes  # whom providers' certificates may come from, as PEM; empty: no provider is asked over TLS
    secrets: Mapping[str, SecretStr]  # SERVICE.VARIABLE
    models: Mapping[str, bytes]  # synthetic weights by path
    edges: EdgeCredentials | None = None  # None: no host is behind an edge


def stack_files(stack: Stack, values: StackValues, inputs: StackInputs) -> dict[str, File]:
    """The files of one host's stack."""
    files: dict[str, File] = {}
    needed = secret_names(stack, values.webui_secrets)
    for name in needed:
        files[f"{SECRETS_FOLDER}/{name}"] = File(inputs.secrets[name].get_secret_value().encode())
    if needed:
        files[WITH_SECRETS] = File((resources.COMPOSE / WITH_SECRETS).read_bytes(), RUNNABLE)
    for path in sorted({source for backend in stack.backends for source, _ in _mounted(backend)}):
        if path == PUT_SCRIPT:
            files[path] = File((resources.COMPOSE / PUT_SCRIPT).read_bytes(), RUNNABLE)
        elif path in {GGUF, CHECKPOINT}:
            files |= {name: File(content, READABLE) for name, content in inputs.models.items() if _below(name, path)}
    if stack.gateway and inputs.gateway is not None:
        files |= _below_folder(GATEWAY_SERVICE, _of_gateway(inputs.gateway, inputs))
    if stack.edge:
        files |= _below_folder(EDGE_SERVICE, edge_files(stack, _credentials(inputs)))
    digests = {service: inputs_digest(inputs.secret, _inputs(stack, service, files)) for service in stack.services}
    compose = render_compose(stack, replace(values, inputs=digests))
    return files | {"compose.yaml": File(compose.encode())}


def _of_gateway(config: GatewayConfig, inputs: StackInputs) -> dict[str, File]:
    files = {name: File(text.encode(), _mode(name)) for name, text in render_gateway(config).items()}
    vouching = inputs.authorities
    if config.edges:
        files |= gateway_files(_credentials(inputs))
        vouching += _credentials(inputs).authority
    if config.authorities:
        files[AUTHORITIES] = File(vouching, READABLE)
    return files | {f"tls/{name}": File(content) for name, content in inputs.tls.items()}


def _credentials(inputs: StackInputs) -> EdgeCredentials:
    if inputs.edges is None:
        raise WorkshopError("an edge is rendered before its certificates are there")
    return inputs.edges


def _below_folder(folder: str, files: Mapping[str, File]) -> dict[str, File]:
    return {f"{folder}/{name}": file for name, file in files.items()}


def _mounted(backend: object) -> list[tuple[str, str]]:
    container, fetch = backend.container, backend.fetch  # type: ignore[attr-defined]
    return [*container.files, *(fetch.files if fetch else ())]


def _below(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}/")


def _mode(name: str) -> int:
    return PRIVATE if name == "policy.json" else READABLE


def _inputs(stack: Stack, service: str, files: Mapping[str, File]) -> dict[str, bytes]:
    """The files that are mounted into a service's container and read by it only when it starts."""
    wanted = {name for name in files if name.startswith(f"{SECRETS_FOLDER}/{service}.")}
    if service in {WEBUI_SERVICE, *(instance.service for instance in stack.running)}:
        wanted.add(WITH_SECRETS)
    if service == GATEWAY_SERVICE:
        wanted.add(f"{GATEWAY_SERVICE}/{START}")
    for backend in stack.backends:
        if backend.service == service:
            wanted |= {name for name in files for source, _ in backend.container.files if _below(name, source)}
    return {name: files[name].content for name in wanted if name in files}
