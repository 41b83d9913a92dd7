"""The files of an edge, and what the gateway is given to ask it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from orchestrator.errors import WorkshopError
from orchestrator.identity.identity import Identity
from orchestrator.plan.deployment import Deployment
from orchestrator.plan.images import REFERENCES
from orchestrator.plan.policy import gateway_config
from orchestrator.render.compose import StackValues
from orchestrator.render.edge import Credentials, EdgeCredentials, edge_conf
from orchestrator.render.files import File
from orchestrator.render.gateway import render_gateway
from orchestrator.render.stack import StackInputs, stack_files
from tests.unit.test_plan_edges import MODEL, PROVIDER, planned, workshop

EDGES = EdgeCredentials(
    b"AUTHORITY\n",
    Credentials(b"GATEWAY CERTIFICATE\n", b"GATEWAY KEY\n"),
    {host: Credentials(f"{host} CERTIFICATE\n".encode(), f"{host} KEY\n".encode()) for host in ("b", "c")},
)
OLLAMA = {"name": "o", "engine": "ollama", "source": "o:1", "host": "b"}


def files_of(deployment: Deployment, *, edges: EdgeCredentials | None = EDGES) -> dict[str, dict[str, File]]:
    made = workshop(MODEL, OLLAMA, PROVIDER)
    config = gateway_config(Identity(b"s" * 32, made, ()), deployment, {})
    inputs = StackInputs(b"s" * 32, config, {}, b"PUBLIC\n", {}, {}, edges)
    values = StackValues(
        "w", "d", REFERENCES, (), tls=False, webui_environments={"webui": {}}, webui_secrets=(), inputs={}
    )
    return {stack.host.name: stack_files(stack, values, inputs) for stack in deployment.stacks}


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, File]]:
    return files_of(planned(workshop(MODEL, OLLAMA, PROVIDER)))


def locations(conf: str, name: str) -> dict[str, str]:
    """What one backend may be asked: the path, and how."""
    server = next(part for part in conf.split("    server {") if f"server_name  {name};" in part)
    return dict(re.findall(r"location = (\S+) \{\s+limit_except (\w+) ", server))


def test_keys_are_for_root_alone_and_stand_in_no_other_file(files: dict[str, dict[str, File]]) -> None:
    keys = {
        (host, path): file.mode
        for host, those in files.items()
        for path, file in those.items()
        if re.search(rb"(GATEWAY|b|c) KEY", file.content)
    }
    assert keys == {
        ("front", "gateway/edges/client.conf"): 0o600,
        ("front", "gateway/edges/client.pem"): 0o600,
        ("b", "edge/key.pem"): 0o600,
        ("c", "edge/key.pem"): 0o600,
    }
    assert b"b KEY" in files["b"]["edge/key.pem"].content
    assert b"c KEY" in files["c"]["edge/key.pem"].content


def test_the_gateway_trusts_edges_beside_providers(files: dict[str, dict[str, File]]) -> None:
    assert files["front"]["gateway/authorities.pem"].content == b"PUBLIC\nAUTHORITY\n"
    assert files["b"]["edge/authority.pem"].content == b"AUTHORITY\n"


def test_a_gateway_without_edges_has_no_certificate_to_show() -> None:
    made = workshop(PROVIDER, hosts=[{"name": "front"}])
    config = gateway_config(Identity(b"s" * 32, made, ()), planned(made), {})
    assert "edge_certificate" not in render_gateway(config)["nginx.conf"]


def test_each_backend_is_asked_under_its_own_name(files: dict[str, dict[str, File]]) -> None:
    policy = json.loads(files["front"]["gateway/policy.json"].content)
    hosts = {server["backend"]: server["host"] for up in policy["upstreams"].values() for server in up["servers"]}
    assert hosts == {name: backend["host"] for name, backend in policy["backends"].items()}
    assert hosts["model-o-1"] == "model-o-1.b.edge.internal"
    assert hosts["model-x"] == "api.example.org"
    assert sorted(host for host in hosts.values() if host.endswith(".c.edge.internal")) != []


def test_only_what_the_gateway_asks_is_let_through() -> None:
    deployment = planned(workshop(MODEL, OLLAMA))
    stack = next(stack for stack in deployment.stacks if stack.host.name == "b")
    conf, found = edge_conf(stack), {backend.container.component: backend for backend in stack.backends}
    by_engine = {str(c): locations(conf, backend.server.host_header) for c, backend in found.items()}
    assert by_engine["vllm"]["/v1/chat/completions"] == "POST"
    assert {path for path, method in by_engine["vllm"].items() if method == "GET"} == {"/health", "/metrics"}
    assert not any(path.startswith("/api/") for path in by_engine["vllm"])
    assert {path: method for path, method in by_engine["ollama"].items() if path.startswith("/api/")} == {
        "/api/chat": "POST",
        "/api/generate": "POST",
        "/api/embed": "POST",
        "/api/show": "POST",
        "/api/version": "GET",
    }
    assert "/metrics" not in by_engine["ollama"]


def test_what_lies_with_the_edge_is_not_what_recreates_it(files: dict[str, dict[str, File]]) -> None:
    """A certificate that is renewed, or a backend more, is a reload: streams go on."""
    renewed = replace(EDGES, hosts={host: Credentials(b"NEW\n", b"NEW\n") for host in ("b", "c")})
    deployment = planned(workshop(MODEL, OLLAMA, PROVIDER))
    after = files_of(deployment, edges=renewed)
    changed = {path for path, file in after["b"].items() if files["b"].get(path) != file}
    assert changed == {"edge/cert.pem", "edge/key.pem"}


def test_no_edge_is_rendered_without_certificates() -> None:
    with pytest.raises(WorkshopError, match="before its certificates are there"):
        files_of(planned(workshop(MODEL, OLLAMA, PROVIDER)), edges=None)


def test_secrets_do_not_show_in_what_is_printed() -> None:
    assert "KEY" not in repr(EDGES)
