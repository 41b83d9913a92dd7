"""Who may ask what: the gateway's configuration, as values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from spec_samples import spec_of, with_models

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.plan.gateway import CallerLimits, GatewayConfig, Server
from orchestrator.plan.policy import gateway_config, key_of
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.gateway import render_gateway

SECRET = b"s" * 32
MODELS = (
    "name: open, engine: ollama, source: 'llama3.2:3b', replicas: 2",
    "name: staff-only, engine: ollama, source: x, teams: [staff]",
    "name: claude, engine: external, source: claude-sonnet, base_url: 'https://api.example.org:8443/v1/', teams: [staff, guests]",
)
PEOPLE = (
    Participant("p01"),
    Participant("p02", team="staff", email="Ada@Example.org", key_generation=3),
    Participant("p03", team="guests"),
    Participant("p04", team="staff", state="revoked"),
    Participant("p05", state="removed"),
)


@pytest.fixture
def config(tmp_path: Path) -> GatewayConfig:
    workshop = spec_of(tmp_path, with_models(*MODELS)).workshop
    deployment, unplaced = plan_stacks(workshop, 5, {})
    assert not unplaced
    return gateway_config(workshop, deployment, PEOPLE, SECRET, {"claude": SecretStr("SENTINEL")})


def test_each_may_use_the_models_of_its_team_and_those_of_everybody(config: GatewayConfig) -> None:
    assert {caller.id: caller.models for caller in config.callers if not caller.id.startswith("_")} == {
        "p01": ("open",),
        "p02": ("open", "staff-only", "claude"),
        "p03": ("open", "claude"),
    }


def test_revoked_and_removed_participants_have_no_key_there(config: GatewayConfig) -> None:
    hashes = {digest for caller in config.callers for digest in caller.key_hashes}
    assert not hashes & {keys.fingerprint(key_of(SECRET, person)) for person in PEOPLE[3:]}


def test_verifiers_ask_for_nobody_and_for_each_team_whenever_they_like(config: GatewayConfig) -> None:
    asking = {caller.id: caller for caller in config.callers if caller.id.startswith("_verify")}
    assert {name: caller.models for name, caller in asking.items()} == {
        "_verify": ("open",),
        "_verify-guests": ("open", "claude"),
        "_verify-staff": ("open", "staff-only", "claude"),
    }
    assert all(caller.exempt and caller.limits == CallerLimits() and not caller.service for caller in asking.values())


def test_replicas_stand_behind_one_name(config: GatewayConfig) -> None:
    upstream = next(upstream for upstream in config.upstreams if upstream.name == "model-open")
    assert upstream.servers == (
        Server("model-open-1", 11434, "model-open-1", "/api/version"),
        Server("model-open-2", 11434, "model-open-2", "/api/version"),
    )
    assert upstream.model == "llama3.2:3b"


def test_a_provider_is_reached_as_its_base_url_says(config: GatewayConfig) -> None:
    upstream = config.upstreams[2]
    assert upstream.servers == (Server("api.example.org", 8443, "model-claude"),)
    assert (upstream.tls, upstream.host_header, upstream.base_path, upstream.model) == (
        True,
        "api.example.org",
        "/v1",
        "claude-sonnet",
    )
    assert upstream.headers == (("Authorization", SecretStr("Bearer SENTINEL")),)
    assert "SENTINEL" not in repr(config)


@pytest.mark.parametrize(
    ("url", "server", "tls"), [("https://a.example", Server("a.example", 443, "model-m"), True), ("http://a.example/x", Server("a.example", 80, "model-m"), False)]
)  # fmt: skip
def test_a_provider_without_a_port_has_the_usual_one(tmp_path: Path, url: str, server: Server, tls: bool) -> None:
    workshop = spec_of(tmp_path, with_models(f"name: m, engine: external, source: x, base_url: '{url}'")).workshop
    deployment, _ = plan_stacks(workshop, 1, {})
    (upstream,) = gateway_config(workshop, deployment, (), SECRET, {}).upstreams
    assert (upstream.servers, upstream.tls, upstream.headers) == ((server,), tls, ())


def test_a_thousand_participants_are_rendered(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models(*MODELS)).workshop
    people = [Participant(f"p{n:04}", name=f"{{{{{n}}}}}") for n in range(1000)]
    deployment, _ = plan_stacks(workshop, len(people), {})
    policy = json.loads(render_gateway(gateway_config(workshop, deployment, people, SECRET, {}))["policy.json"])
    assert len(policy["keys"]) >= 1000
    assert policy["callers"]["p0999"]["models"] == {"open": True}


def test_what_is_drained_and_how_new_the_people_are_is_handed_through(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models(*MODELS)).workshop
    deployment, _ = plan_stacks(workshop, 5, {})
    drained = frozenset({"model-open-2", "model-claude", "gone"})
    config = gateway_config(workshop, deployment, PEOPLE, SECRET, {}, revision=7, drained=drained)
    assert config.revision == 7
    servers = [server for upstream in config.upstreams for server in upstream.servers]
    assert {server.backend for server in servers if server.drained} == {"model-open-2", "model-claude"}
