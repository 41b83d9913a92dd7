"""Who may ask what, how much, and where it goes: the gateway's configuration, as values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.identity import keys
from orchestrator.identity.callers import Caller
from orchestrator.identity.identity import Identity
from orchestrator.identity.limits import CallerLimits
from orchestrator.identity.participant import Participant
from orchestrator.plan.external import Secrets
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.values import SecretReference
from tests.unit.spec_samples import spec_of, with_models

SECRET = b"s" * 32
KEY = SecretReference("env", "KEY")
MODELS = (
    "name: open, engine: ollama, source: 'llama3.2:3b', replicas: 2",
    "name: staff-only, engine: ollama, source: x, teams: [staff, Team Two]",
    (
        "name: claude, engine: external, source: claude-sonnet, base_url: 'https://api.example.org:8443/openai/v1/',"
        " api_key: '${env:KEY}', teams: [staff, guests]"
    ),
)
PEOPLE = (
    Participant("p01"),
    Participant("p02", team="staff", email="Ada@Example.org", key_generation=3),
    Participant("p03", team="guests"),
    Participant("p04", team="staff", state="revoked"),
    Participant("p05", state="removed"),
)


def config(
    folder: Path, *models: str, more: str = "", secrets: Secrets | None = None, people: tuple[Participant, ...] = PEOPLE
) -> GatewayConfig:
    workshop = spec_of(folder, with_models(*(models or MODELS)) + more).workshop
    deployment, unplaced = plan_stacks(workshop, 5, {})
    assert not unplaced
    return gateway_config(Identity(SECRET, workshop, people), deployment, secrets or {})


def key_of(folder: Path, person: Participant) -> SecretStr:
    return Identity(SECRET, spec_of(folder, with_models(*MODELS)).workshop, PEOPLE).key(person)


def callers(made: GatewayConfig) -> dict[str, Caller]:
    return {caller.id: caller for caller in made.callers}


def routed(made: GatewayConfig) -> dict[str, RoutedModel]:
    return {model.name: model for model in made.models}


# people and their keys


def test_each_may_use_the_models_of_its_team_and_those_of_everybody(tmp_path: Path) -> None:
    assert {caller.id: caller.models for caller in config(tmp_path).callers if not caller.id.startswith("_")} == {
        "p01": ("open",),
        "p02": ("open", "staff-only", "claude"),
        "p03": ("open", "claude"),
    }


def test_revoked_and_removed_participants_have_no_key_there(tmp_path: Path) -> None:
    hashes = {digest for caller in config(tmp_path).callers for digest in caller.key_hashes}
    assert not hashes & {keys.fingerprint(key_of(tmp_path, person)) for person in PEOPLE[3:]}


def test_the_gateway_knows_hashes_and_never_a_key(tmp_path: Path) -> None:
    made = config(tmp_path)
    key = key_of(tmp_path, PEOPLE[1]).get_secret_value()
    assert callers(made)["p02"].key_hashes == (keys.fingerprint(key),)
    assert key not in repr(made)
    assert key.removeprefix("ws-").replace("-", "") not in repr(made)


def test_rotating_changes_the_key_and_only_that_one(tmp_path: Path) -> None:
    before = key_of(tmp_path, Participant("p02", key_generation=2))
    after = key_of(tmp_path, Participant("p02", key_generation=3))
    assert before != after
    assert key_of(tmp_path, Participant("p01")) == key_of(tmp_path, Participant("p01", name="renamed"))


def test_verify_asks_as_somebody_without_a_team_and_as_one_of_each(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models(*MODELS)).workshop
    assert [(person.id, person.team) for person in Identity(SECRET, workshop, ()).verifiers] == [
        ("_verify", None),
        ("_verify-team-two", "Team Two"),
        ("_verify-guests", "guests"),
        ("_verify-staff", "staff"),
    ]
    asking = {name: caller for name, caller in callers(config(tmp_path)).items() if name.startswith("_verify")}
    assert {name: caller.models for name, caller in asking.items()} == {
        "_verify": ("open",),
        "_verify-team-two": ("open", "staff-only"),
        "_verify-guests": ("open", "claude"),
        "_verify-staff": ("open", "staff-only", "claude"),
    }
    assert all(caller.exempt and caller.limits == CallerLimits() and not caller.service for caller in asking.values())


def test_only_open_webui_speaks_for_others_and_the_instructor_asks_through_it(tmp_path: Path) -> None:
    found = callers(config(tmp_path))
    assert [name for name, caller in found.items() if caller.service] == ["_webui"]
    assert found["p02"].email == "ada@example.org"
    assert found["_instructor"].key_hashes == ()
    assert "_instructor" not in callers(config(tmp_path, more="webui: {mode: none}\n"))


def test_a_thousand_participants_are_rendered(tmp_path: Path) -> None:
    people = tuple(Participant(f"p{n:04}", name=f"{{{{{n}}}}}") for n in range(1000))
    policy = json.loads(render_gateway(config(tmp_path, people=people))["policy.json"])
    assert len(policy["keys"]) >= 1000
    assert policy["callers"]["p0999"]["models"] == {"open": True}


# when


HOURS = "opens: 2026-12-01T08:30:00+01:00\ncloses: 2026-12-01T17:30:00+01:00\n"


def test_the_window_is_told_in_epoch_seconds_and_in_words(tmp_path: Path) -> None:
    window = config(tmp_path, more=HOURS).window
    assert (window.opens, window.closes) == (1796110200, 1796142600)
    assert window.opens_text == "Tuesday 1 December 2026, 08:30 (UTC+01:00)"
    assert config(tmp_path).window.opens is None


def test_a_time_zone_completes_times_without_an_offset(tmp_path: Path) -> None:
    more = "opens: 2026-12-01T08:30:00\ncloses: 2026-12-01T17:30:00\ntimezone: Europe/Zurich\n"
    assert config(tmp_path, more=more).window.opens == 1796110200


def test_grace_widens_the_window_and_not_its_words(tmp_path: Path) -> None:
    plain = config(tmp_path, more=HOURS).window
    wider = config(tmp_path, more=HOURS + "grace: {before: 30, after: 1440}\n").window
    assert (wider.opens, wider.closes) == (1796110200 - 30 * 60, 1796142600 + 24 * 3600)
    assert (wider.opens_text, wider.closes_text) == (plain.opens_text, plain.closes_text)


def test_instructors_may_ask_at_any_time_and_nobody_else(tmp_path: Path) -> None:
    found = callers(config(tmp_path, more=HOURS + "instructors: [staff]\n"))
    assert {name for name, caller in found.items() if caller.exempt and not name.startswith("_")} == {"p02"}
    assert not any(caller.exempt for name, caller in callers(config(tmp_path)).items() if not name.startswith("_"))


# how much


def test_each_participant_carries_the_limits_that_count_for_them(tmp_path: Path) -> None:
    more = """\
limits:
  requests_per_minute: 60
  token_budget: 1000
  teams: {staff: {token_budget: null, concurrent_requests: 8}}
  participants: {ADA@example.org: {requests_per_minute: 600}, p03: {token_budget: 5}}
"""
    made = config(tmp_path, more=more)
    assert made.limits == CallerLimits(60, 4, None, 1000)
    assert {name: caller.limits for name, caller in callers(made).items() if not name.startswith("_")} == {
        "p01": CallerLimits(60, 4, None, 1000),
        "p02": CallerLimits(600, 8, None, None),
        "p03": CallerLimits(60, 4, None, 5),
    }


def test_a_model_adds_the_bounds_that_stand_there_and_no_default(tmp_path: Path) -> None:
    made = config(tmp_path, "name: m, engine: ollama, source: x, limits: {requests_per_minute: 3}", MODELS[0])
    assert {name: model.limits for name, model in routed(made).items()} == {
        "m": CallerLimits(requests_per_minute=3),
        "open": CallerLimits(),
    }


# where it goes


def test_replicas_stand_behind_one_name_and_each_is_a_backend(tmp_path: Path) -> None:
    upstream = next(upstream for upstream in config(tmp_path).upstreams if upstream.name == "model-open")
    assert upstream.servers == (
        Server("model-open-1", 11434, "model-open-1", "/api/version"),
        Server("model-open-2", 11434, "model-open-2", "/api/version"),
    )
    assert upstream.model == "llama3.2:3b"


@pytest.mark.parametrize(
    ("engine", "source", "health"),
    [
        ("vllm", "o/m", "/health"),
        ("tgi", "o/m", "/health"),
        ("llamacpp", "o/r/f.gguf", "/health"),
        ("ollama", "x", "/api/version"),
    ],
)
def test_every_engine_of_ours_has_a_path_that_tells_its_health(
    tmp_path: Path, engine: str, source: str, health: str
) -> None:
    more = "hosts: [{name: a, gpus: {count: 1}}]\n"
    (upstream,) = config(tmp_path, f"name: m, engine: {engine}, source: {source}", more=more).upstreams
    assert [(server.backend, server.health) for server in upstream.servers] == [("model-m-1", health)]


def test_what_is_drained_and_how_new_the_people_are_is_handed_through(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models(*MODELS)).workshop
    deployment, _ = plan_stacks(workshop, 5, {})
    drained = frozenset({"model-open-2", "model-claude", "gone"})
    made = gateway_config(Identity(SECRET, workshop, PEOPLE), deployment, {}, revision=7, drained=drained)
    assert made.revision == 7
    servers = [server for upstream in made.upstreams for server in upstream.servers]
    assert {server.backend for server in servers if server.drained} == {"model-open-2", "model-claude"}


def test_native_routes_are_served_only_where_ollama_itself_runs(tmp_path: Path) -> None:
    assert routed(config(tmp_path))["open"].ollama
    assert not routed(config(tmp_path, "name: m, engine: llamacpp, source: o/r/f.gguf"))["m"].ollama


def test_fallbacks_come_after_a_models_own_in_the_order_given_each_with_its_own(tmp_path: Path) -> None:
    made = config(
        tmp_path,
        "name: a, engine: ollama, source: x, fallback: [b, d], balance: prompt, aliases: [gpt-4o]",
        "name: b, engine: ollama, source: x, fallback: [c]",
        "name: c, engine: ollama, source: x, hidden: true",
        "name: d, engine: ollama, source: x, fallback: [c], balance: participant",
    )
    assert {name: model.upstreams for name, model in routed(made).items()} == {
        "a": ("model-a", "model-b", "model-c", "model-d"),
        "b": ("model-b", "model-c"),
        "c": ("model-c",),
        "d": ("model-d", "model-c"),
    }
    assert [model.balance for model in made.models] == [
        "prompt",
        "least_connections",
        "least_connections",
        "participant",
    ]
    assert [model.aliases for model in made.models] == [("gpt-4o",), (), (), ()]


def test_a_hidden_model_is_in_nobodys_list(tmp_path: Path) -> None:
    models = (
        "name: a, engine: ollama, source: x, fallback: [b]",
        "name: b, engine: ollama, source: x, hidden: true, teams: [staff]",
    )
    made = config(tmp_path, *models)
    assert all(caller.models == ("a",) for caller in made.callers)
    workshop = spec_of(tmp_path, with_models(*models)).workshop
    assert workshop.models_for("staff") == ("a",)
    assert [person.id for person in Identity(SECRET, workshop, ()).verifiers] == ["_verify"]


# providers


def test_a_provider_is_reached_with_its_own_key_name_and_path(tmp_path: Path) -> None:
    made = config(tmp_path, secrets={KEY: SecretStr("SENTINEL")})
    upstream = made.upstreams[2]
    assert upstream.servers == (
        Server("api.example.org", 8443, "model-claude", tls=True, host_header="api.example.org:8443"),
    )
    assert (upstream.base_path, upstream.model, upstream.query) == ("/openai/v1", "claude-sonnet", "")
    assert upstream.headers == (("Authorization", SecretStr("Bearer SENTINEL")),)
    assert made.authorities
    assert "SENTINEL" not in repr(made)


@pytest.mark.parametrize(
    ("url", "port", "tls"), [("https://a.example", 443, True), ("http://a.example/x", 80, False)]
)  # fmt: skip
def test_a_provider_without_a_port_has_the_usual_one(tmp_path: Path, url: str, port: int, tls: bool) -> None:
    made = config(tmp_path, f"name: m, engine: external, source: x, base_url: '{url}'")
    (upstream,) = made.upstreams
    assert upstream.servers == (Server("a.example", port, "model-m", tls=tls, host_header="a.example"),)
    assert upstream.headers == ()
    assert made.authorities == tls


def test_a_known_provider_needs_no_address_and_gets_the_headers_that_it_wants(tmp_path: Path) -> None:
    model = "name: m, engine: external, provider: anthropic, source: claude-x, api_key: '${env:KEY}'"
    (upstream,) = config(tmp_path, model, secrets={KEY: SecretStr("SENTINEL")}).upstreams
    (server,) = upstream.servers
    assert (server.host_header, upstream.base_path, server.tls) == ("api.anthropic.com", "/v1", True)
    assert upstream.headers == (
        ("Authorization", SecretStr("Bearer SENTINEL")),
        ("anthropic-version", SecretStr("2023-06-01")),
    )


def test_what_the_spec_says_counts_before_what_is_known_of_a_provider(tmp_path: Path) -> None:
    model = (
        "name: m, engine: external, provider: anthropic, source: x, api_key: '${env:KEY}', api_key_header: x-api-key,"
        " base_url: 'https://proxy.example.org/anthropic', headers: {Anthropic-Version: '2027-01-01'}"
    )
    (upstream,) = config(tmp_path, model, secrets={KEY: SecretStr("SENTINEL")}).upstreams
    assert (upstream.servers[0].host_header, upstream.base_path) == ("proxy.example.org", "/anthropic")
    assert upstream.headers == (("x-api-key", SecretStr("SENTINEL")), ("Anthropic-Version", SecretStr("2027-01-01")))


def test_an_azure_host_is_asked_as_it_wants_to_be(tmp_path: Path) -> None:
    model = (
        "name: m, engine: external, source: gpt-4o, api_key: '${env:KEY}', api_key_header: api-key,"
        " base_url: 'https://class.openai.azure.com/openai/deployments/gpt-4o', query: {api-version: 2024-10-21},"
        " headers: {X-Course: a b, X-Token: '${file:token}'}"
    )
    token = SecretReference("file", "token")
    made = config(tmp_path, model, secrets={KEY: SecretStr("SENTINEL"), token: SecretStr("OTHER")})
    (upstream,) = made.upstreams
    assert (upstream.base_path, upstream.query) == ("/openai/deployments/gpt-4o", "api-version=2024-10-21")
    assert upstream.headers == (
        ("api-key", SecretStr("SENTINEL")),
        ("X-Course", SecretStr("a b")),
        ("X-Token", SecretStr("OTHER")),
    )
    assert "SENTINEL" not in repr(made) + str(made)
    assert "OTHER" not in repr(made)


def test_a_query_is_written_so_that_nothing_breaks_out_of_it(tmp_path: Path) -> None:
    model = "name: m, engine: external, source: x, base_url: 'https://a.example', query: {a: 'b&c=d #e', v: '$1'}"
    (upstream,) = config(tmp_path, model).upstreams
    assert upstream.query == "a=b%26c%3Dd+%23e&v=%241"


def test_in_practice_no_provider_is_asked_and_no_secret_needed(tmp_path: Path) -> None:
    made = config(tmp_path, *MODELS, more="practice: true\n")
    assert not any(upstream.is_providers for upstream in made.upstreams)
    assert not made.authorities
