"""What the gateway answers, against thirty lines of Python that say what it should: random callers, models and requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream, Window
from tests.unit.gateway_bed import Gateway

ONLINE = settings(
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CHAT = "/v1/chat/completions"
MODELS = {"alpha": ("a", "Alpha"), "beta/7b": (), "γάμμα": ("c",), "alone": ()}
SPENT, NONE_A_MINUTE = CallerLimits(token_budget=0), CallerLimits(requests_per_minute=0)
CALLERS = (
    Caller("all", (fingerprint("sk-all"), fingerprint("sk-second")), tuple(MODELS)),
    Caller("one", (fingerprint("sk-one"),), ("alpha",), email="one@example.org"),
    Caller("none", (fingerprint("sk-none"),), (), email="none@example.org"),
    Caller("spent", (fingerprint("sk-spent"),), tuple(MODELS), limits=SPENT, email="spent@example.org"),
    Caller("bounded", (fingerprint("sk-bounded"),), tuple(MODELS), limits=NONE_A_MINUTE),
    Caller("exempt", (fingerprint("sk-exempt"),), ("alpha", "γάμμα"), exempt=True),
    Caller("service", (fingerprint("sk-service"),), tuple(MODELS), exempt=True, service=True),
)
NOBODY = Caller("", (), ())
KEYS = {"second": "all"} | {caller.id: caller.id for caller in CALLERS}


@dataclass(frozen=True)
class Asked:
    key: str | None
    mail: str | None
    method: str
    path: str
    model: str | None


def one(callers: Iterator[Caller]) -> Caller:
    return next(callers, NOBODY)


def expected(asked: Asked, *, is_open: bool) -> tuple[int, str | None]:
    """Status and code: of all reasons to refuse the first, in the order in which the gateway looks."""
    owner = one(caller for caller in CALLERS if caller.id == KEYS.get(asked.key or ""))
    mail = (asked.mail or "").lower()
    who = one(caller for caller in CALLERS if caller.email == mail) if owner.service else owner
    name = next((name for name, aliases in MODELS.items() if asked.model in aliases), asked.model)
    refusals: list[tuple[bool, tuple[int, str]]] = [
        (asked.key is None, (401, "missing_api_key")),
        (owner is NOBODY, (401, "invalid_api_key")),
        (who is NOBODY, (403, "unknown_person")),
        (not is_open and not who.exempt, (403, "event_closed")),
        (asked.path.startswith("/ollama/"), (403, "path_forbidden")),
        (asked.path != CHAT, (404, "unknown_url")),
        (asked.method != "POST", (405, "method_not_allowed")),
        (who.limits == SPENT, (429, "insufficient_quota")),
        (who.limits == NONE_A_MINUTE, (429, "rate_limit_exceeded")),
        (asked.model is None, (400, "invalid_body")),
        (name not in who.models, (404, "model_not_found")),
    ]
    return next((refusal for is_refused, refusal in refusals if is_refused), (200, None))


@pytest.fixture(scope="module")
def routed(stubs: tuple[str, str]) -> GatewayConfig:
    upstreams = tuple(Upstream(f"up-{n}", (Server(stubs[0], 8000),), f"inside-{n}") for n in range(len(MODELS)))
    models = tuple(
        RoutedModel(name, (upstream.name,), "llamacpp", aliases=aliases)
        for (name, aliases), upstream in zip(MODELS.items(), upstreams, strict=True)
    )
    return GatewayConfig("test", "Test", CALLERS, models, upstreams)


@pytest.fixture(scope="module")
def always(start_gateway: Callable[[GatewayConfig], Gateway], routed: GatewayConfig) -> Gateway:
    return start_gateway(routed)


@pytest.fixture(scope="module")
def over(start_gateway: Callable[[GatewayConfig], Gateway], routed: GatewayConfig) -> Gateway:
    window = Window(opens=1, closes=2, opens_text="then", closes_text="then")
    return start_gateway(GatewayConfig("test", "Test", CALLERS, routed.models, routed.upstreams, window))


def requests() -> st.SearchStrategy[Asked]:
    """Mostly of somebody who is known, to a path that is there."""
    names = [*MODELS, *(alias for aliases in MODELS.values() for alias in aliases)]
    return st.builds(
        Asked,
        key=st.one_of(st.sampled_from([*KEYS] * 2), st.sampled_from(["nobody", "all2", None])),
        mail=st.sampled_from(
            [None, None, "ONE@example.org", "none@example.org", "spent@example.org", "who@example.org"]
        ),
        method=st.sampled_from(["POST"] * 9 + ["PUT"]),
        path=st.sampled_from([CHAT] * 12 + ["/v1/files", "/ollama/api/pull"]),
        model=st.one_of(st.sampled_from(names * 2), st.sampled_from(["ALPHA", "alpha ", "", "beta", None]), st.text()),
    )


def compare(gateway: Gateway, asked: Asked, *, is_open: bool) -> None:
    body = json.dumps({"messages": []} if asked.model is None else {"model": asked.model})
    headers = {"X-OpenWebUI-User-Email": asked.mail} if asked.mail else {}
    key = None if asked.key is None else f"sk-{asked.key}"
    answer = gateway.send(asked.path, body, key=key, headers=headers, method=asked.method)
    assert (answer.status, None if answer.status == 200 else answer.error["code"]) == expected(asked, is_open=is_open)
    if answer.status == 200:
        name = next((name for name, aliases in MODELS.items() if asked.model in aliases), asked.model)
        sent = json.loads(answer.json["body"])["model"]
        assert sent == f"inside-{[*MODELS].index(str(name))}"


@ONLINE
@given(requests())
def test_an_open_gateway_decides_as_the_reference_does(always: Gateway, asked: Asked) -> None:
    compare(always, asked, is_open=True)


@ONLINE
@given(requests())
def test_a_gateway_whose_workshop_is_over_decides_as_the_reference_does(over: Gateway, asked: Asked) -> None:
    compare(over, asked, is_open=False)
