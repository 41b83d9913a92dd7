"""Who may ask what, as the gateway is told it."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from orchestrator import keys
from orchestrator.participants import Participant
from orchestrator.plan.gateway import Caller, GatewayConfig, Server
from orchestrator.plan.policy import gateway_config, key_of, verifiers
from orchestrator.plan.stacks import plan_stacks
from orchestrator.spec.workshop import Workshop

SECRET = b"s" * 32
MODELS: list[dict[str, Any]] = [
    {"name": "open", "engine": "ollama", "source": "open:1"},
    {"name": "staff", "engine": "ollama", "source": "staff:1", "teams": ["staff", "Team Two"]},
]
PEOPLE = (
    Participant("p01", email="Ada@Example.org"),
    Participant("p02", team="staff", key_generation=3),
    Participant("p03", state="revoked"),
    Participant("p04", state="removed"),
)


def config(
    models: list[dict[str, Any]] = MODELS, provider_keys: dict[str, SecretStr] | None = None, **sections: Any
) -> GatewayConfig:
    data = {"name": "w", "title": "W", "participants": {"count": 3}, "models": models}
    workshop = Workshop.model_validate(data | sections)
    deployment, _ = plan_stacks(workshop, 3, {})
    return gateway_config(workshop, deployment, PEOPLE, SECRET, provider_keys or {})


def callers(made: GatewayConfig) -> dict[str, Caller]:
    return {caller.id: caller for caller in made.callers}


def test_only_active_participants_may_ask() -> None:
    assert {"p01", "p02"} == {name for name in callers(config()) if name.startswith("p")}


def test_a_team_sees_its_own_models_too() -> None:
    found = callers(config())
    assert found["p01"].models == ("open",)
    assert found["p02"].models == ("open", "staff")


def test_the_gateway_knows_hashes_and_never_a_key() -> None:
    made = config()
    key = key_of(SECRET, PEOPLE[1]).get_secret_value()
    assert callers(made)["p02"].key_hashes == (keys.fingerprint(key),)
    assert key not in repr(made)
    assert key.removeprefix("ws-").replace("-", "") not in repr(made)


def test_rotating_changes_the_key_and_only_that_one() -> None:
    before = key_of(SECRET, Participant("p02", key_generation=2))
    after = key_of(SECRET, Participant("p02", key_generation=3))
    assert before != after
    assert key_of(SECRET, Participant("p01")) == key_of(SECRET, Participant("p01", name="renamed"))


def test_verify_asks_as_somebody_without_a_team_and_as_one_of_each() -> None:
    workshop = Workshop.model_validate({"name": "w", "title": "W", "participants": {"count": 1}, "models": MODELS})
    assert [(person.id, person.team) for person in verifiers(workshop)] == [
        ("_verify", None),
        ("_verify-team-two", "Team Two"),
        ("_verify-staff", "staff"),
    ]
    found = callers(config())
    assert found["_verify"].models == ("open",)
    assert found["_verify-staff"].exempt


def test_only_open_webui_speaks_for_others_and_the_instructor_asks_through_it() -> None:
    found = callers(config())
    assert [name for name, caller in found.items() if caller.service] == ["_webui"]
    assert found["p01"].email == "ada@example.org"
    assert found["_instructor"].key_hashes == ()
    assert "_instructor" not in callers(config(webui={"mode": "none"}))


def test_the_window_is_told_in_epoch_seconds_and_in_words() -> None:
    window = config(opens="2026-12-01T08:30:00+01:00", closes="2026-12-01T17:30:00+01:00").window
    assert (window.opens, window.closes) == (1796110200, 1796142600)
    assert window.opens_text == "Tuesday 1 December 2026, 08:30 (UTC+01:00)"
    assert config().window.opens is None


def test_a_time_zone_completes_times_without_an_offset() -> None:
    window = config(opens="2026-12-01T08:30:00", closes="2026-12-01T17:30:00", timezone="Europe/Zurich").window
    assert window.opens == 1796110200


def test_a_provider_is_reached_with_its_own_key_name_and_path() -> None:
    model = {
        "name": "claude",
        "engine": "external",
        "source": "claude-x",
        "base_url": "https://api.example.org:8443/openai/v1/",
        "api_key": "${env:KEY}",
    }
    made = config([model], {"claude": SecretStr("sk-sentinel")})
    (upstream,) = made.upstreams
    assert upstream.servers == (Server("api.example.org", 8443, "model-claude"),)
    assert (upstream.tls, upstream.host_header, upstream.base_path, upstream.model) == (
        True,
        "api.example.org",
        "/openai/v1",
        "claude-x",
    )
    assert upstream.headers == (("Authorization", SecretStr("Bearer sk-sentinel")),)
    assert "sentinel" not in repr(made)


def test_native_routes_are_served_only_where_ollama_itself_runs() -> None:
    assert [model.ollama for model in config().models] == [True, True]
    assert [model.ollama for model in config([{"name": "m", "engine": "llamacpp", "source": "o/r/f.gguf"}]).models] == [
        False
    ]
