"""Who is reached through an edge, and under which name."""

from __future__ import annotations

from typing import Any

from orchestrator.identity.identity import Identity
from orchestrator.plan.deployment import Deployment
from orchestrator.plan.edges import edge_hosts
from orchestrator.plan.gateway import Server
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.stacks import plan_stacks
from orchestrator.spec.components import Component
from orchestrator.spec.workshop import Workshop

GPU = {"gpus": {"count": 2}}
FRONT = {"name": "front", "address": "10.0.0.1", "roles": ["gateway", "webui"]}
HOSTS = [
    {**FRONT, "roles": ["gateway", "webui", "inference"], **GPU},
    {"name": "b", "address": "gpu.lan", "roles": ["inference"], **GPU},
    {"name": "c", "address": "c.lan", "private": "10.0.0.3", "edge_port": 9443, "roles": ["inference"], **GPU},
]
MODEL = {"name": "m", "engine": "vllm", "source": "o/r", "replicas": 3}
PROVIDER = {"name": "x", "engine": "external", "source": "x", "base_url": "https://api.example.org/v1"}


def workshop(*models: dict[str, Any], **sections: Any) -> Workshop:
    data = {"name": "w", "title": "W", "participants": {"count": 3}, "models": list(models), "hosts": HOSTS}
    return Workshop.model_validate(data | sections)


def planned(made: Workshop) -> Deployment:
    deployment, unplaced = plan_stacks(made, 3, {})
    assert not unplaced
    return deployment


def test_a_backend_of_another_host_is_asked_over_tls_under_a_name_of_its_own() -> None:
    servers = {backend.host: backend.server for backend in planned(workshop(MODEL)).backends}
    own = {backend.host: backend.service for backend in planned(workshop(MODEL)).backends}
    assert servers == {
        "front": Server(own["front"], 8000, own["front"], "/health"),
        "b": Server(
            "gpu.lan", 7443, own["b"], "/health", tls=True, host_header=f"{own['b']}.b.edge.internal", edge=True
        ),
        "c": Server(
            "10.0.0.3", 9443, own["c"], "/health", tls=True, host_header=f"{own['c']}.c.edge.internal", edge=True
        ),
    }


def test_a_host_with_engines_and_without_the_gateway_has_an_edge() -> None:
    stacks = {stack.host.name: stack for stack in planned(workshop(MODEL)).stacks}
    assert {name: stack.edge for name, stack in stacks.items()} == {"front": False, "b": True, "c": True}
    assert stacks["b"].services[0] == "edge"
    assert "edge" not in stacks["front"].services
    assert stacks["b"].components == {Component("gateway"), Component("vllm")}


def test_a_host_on_which_nothing_is_placed_has_none() -> None:
    stacks = planned(workshop({**MODEL, "replicas": 1, "host": "b"})).stacks
    assert [stack.host.name for stack in stacks if stack.edge] == ["b"]


def test_practice_needs_no_edge() -> None:
    made = workshop(MODEL, practice=True)
    assert edge_hosts(made) == ()
    assert not any(stack.edge for stack in planned(made).stacks)


def test_a_workshop_on_one_host_needs_no_certificate_between_hosts() -> None:
    made = workshop(MODEL, hosts=[{"name": "front", "gpus": {"count": 3}}])
    assert edge_hosts(made) == ()
    config = gateway_config(Identity(b"s" * 32, made, ()), planned(made), {})
    assert (config.edges, config.authorities) == (False, False)


def test_an_edge_is_no_provider() -> None:
    """Of a provider's answers headers are left out; those of the workshop's own engines come as on one host."""
    made = workshop(MODEL, PROVIDER)
    config = gateway_config(Identity(b"s" * 32, made, ()), planned(made), {})
    assert [upstream.is_providers for upstream in config.upstreams] == [False, True]
    assert (config.edges, config.authorities) == (True, True)
