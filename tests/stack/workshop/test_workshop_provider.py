"""A real class, not practice: a model of somebody else's, whose key participants never see."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import requests

from tests.stack.workshop.bed import Workshop, ask
from tests.stack.workshop.provider_stand_in import Provider
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("one more class with a provider; test_workshop_participants has one every day")

PROVIDER_KEY = "sk-provider-sentinel-4711"


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], provider: Provider) -> Workshop:
    made = make_workshop(
        "provider",
        practice=False,
        models=[
            {
                "name": "claude",
                "engine": "external",
                "source": "claude-sonnet",
                "base_url": "http://{}:{}/v1".format(*provider.server_address[:2]),
                "api_key": "${env:STACKTEST_PROVIDER_KEY}",
            }
        ],
    )
    made.environment["STACKTEST_PROVIDER_KEY"] = PROVIDER_KEY
    told = made.provision()
    assert told["ok"] is True
    return made


def test_the_gateway_adds_the_providers_key(workshop: Workshop, provider: Provider) -> None:
    provider.keys.clear()
    person = workshop.people()[0]

    assert ask(workshop.client(person), "claude") == "I am claude-sonnet"
    assert provider.keys == [f"Bearer {PROVIDER_KEY}"]
    assert PROVIDER_KEY not in json.dumps(person)


def test_the_providers_key_stands_nowhere_but_in_the_gateways_rules(workshop: Workshop) -> None:
    for folder in (workshop.state, workshop.stack.parent, workshop.temporary):
        holders = {
            path.name for path in folder.rglob("*") if path.is_file() and PROVIDER_KEY.encode() in path.read_bytes()
        }
        assert holders <= {"policy.json"}
    assert (workshop.stack / "gateway" / "policy.json").stat().st_mode & 0o777 == 0o600
    gateway = workshop.container("gateway")
    assert PROVIDER_KEY not in json.dumps(gateway.attrs) + gateway.logs().decode()
    assert PROVIDER_KEY not in "".join(workshop.said)


def test_without_the_providers_key_nothing_is_changed(workshop: Workshop) -> None:
    ran = workshop.run("provision", str(workshop.file), code=1, STACKTEST_PROVIDER_KEY="")

    assert "the environment variable STACKTEST_PROVIDER_KEY is not set" in ran.line


def test_new_rules_do_not_cut_a_stream(workshop: Workshop, provider: Provider) -> None:
    person, gateway = workshop.people()[0], workshop.starts()["gateway"]
    body = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1000, "stream": True}
    headers = {"Authorization": f"Bearer {person['api_key']}"}
    with requests.post(
        f"{workshop.api}/v1/chat/completions", json=body, headers=headers, stream=True, timeout=60
    ) as it:
        lines = (line for line in it.iter_lines() if line)
        assert next(lines).startswith(b"data: {")
        workshop.write(limits={"requests_per_minute": 59})
        told = workshop.provision()
        provider.finish.set()
        rest = eventually(lambda: list(lines))

    assert told["changes"] == ["here: gateway: new rules"]
    assert workshop.starts()["gateway"] == gateway
    assert rest[-1] == b"data: [DONE]"
