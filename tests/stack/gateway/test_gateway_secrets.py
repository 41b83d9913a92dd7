"""Keys show up nowhere: not in logs, answers, counters, process lists, or what Docker tells."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from pydantic import SecretStr

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import api_key, fingerprint
from orchestrator.plan.gateway import DATA_DIR, GatewayConfig
from tests.unit.gateway_bed import Gateway
from tests.unit.raw_http import connect

KEY = api_key(b"sentinel" * 4, "p01", 1).get_secret_value()
PROVIDERS = "provider-sentinel-7c1f"
BODY = {"model": "stub", "messages": []}
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def guarded(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    secret = (("Authorization", SecretStr(f"Bearer {PROVIDERS}")), ("X-Provider-Key", SecretStr(PROVIDERS)))
    names = tuple(model.name for model in config.models)
    return start_gateway(
        replace(
            config,
            callers=(Caller("p01", (fingerprint(KEY),), names),),
            upstreams=tuple(replace(upstream, headers=secret) for upstream in config.upstreams),
        )
    )


def everything_told(gateway: Gateway) -> str:
    gateway.container.reload()
    places = [
        gateway.run("cat", f"{DATA_DIR}/access.jsonl"),
        gateway.container.logs().decode(),
        *(gateway.admin(path) for path in ("/metrics", "/counters", "/backends")),
        gateway.run("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"),
        gateway.run("sh", "-c", f"find {DATA_DIR} /tmp /var/log/nginx -type f | xargs cat"),
        json.dumps(gateway.container.attrs),
        json.dumps(gateway.container.top()),
    ]
    assert all(places[:3])
    return "\n".join(places)


def leaks(text: str) -> list[str]:
    digits = KEY.removeprefix("ws-")
    return [secret for secret in (digits, digits.replace("-", ""), digits[:14], PROVIDERS) if secret in text.lower()]


def test_the_sentinels_would_be_found() -> None:
    assert leaks(f"GET /?key={KEY.upper()}")
    assert leaks(f"Authorization: Bearer {PROVIDERS}")


@pytest.mark.parametrize("model", ["stub", "dead", "nameless", "trusted", "untrusted", "several", "all-hang"])
def test_neither_key_is_told_when_backends_answer_or_fail(guarded: Gateway, model: str) -> None:
    for fields in (
        {},
        {"stream": True},
        {"stub": {"status": 500, "content": "{}"}},
        {"stub": {"status": 401, "content": ""}},
    ):
        answer = guarded.send(CHAT, {**BODY, "model": model, **fields}, key=KEY)
        shown = json.dumps(answer.headers) + answer.text.replace(f'"Bearer {PROVIDERS}"', "")
        if answer.status != 200:  # where the stub tells what it was sent
            assert leaks(shown) == []
        else:
            assert KEY not in answer.text
    assert leaks(everything_told(guarded)) == []


@pytest.mark.parametrize("model", ["stub", "dead"])
@pytest.mark.parametrize("spelt", [KEY, KEY.upper(), KEY.replace("-", "%2D"), KEY.replace("ws-", "%77%73-")])
def test_a_key_in_the_wrong_place_is_not_written_down(guarded: Gateway, model: str, spelt: str) -> None:
    body = {**BODY, "model": model}
    answers = [
        guarded.send(f"{CHAT}?api_key={spelt}", body, key=KEY),
        guarded.send(f"/v1/models/{spelt}", key=KEY),
        guarded.send(f"/{spelt}/v1/models"),
        guarded.send(CHAT, body, key=KEY, headers={"Referer": f"https://workshop.example/?key={spelt}"}),
    ]
    if "%" not in spelt:
        answers.append(guarded.send(CHAT, body, key=KEY, headers={"Host": spelt}))
    assert {(answer.status, answer.error["code"]) for answer in answers} == {(400, "key_in_address")}
    answers += [
        guarded.send(CHAT, {**body, "model": spelt.replace("%2D", "-").replace("%77%73", "ws")}, key=KEY),
        guarded.send(CHAT, {**body, "model": "." * 178 + KEY}, key=KEY),  # of a long name the beginning is written down
        guarded.send(CHAT, body, key=KEY + "0"),
        guarded.send(CHAT, body, key=f"{KEY} {KEY}"),
        guarded.send(CHAT, body, headers={"Authorization": "Basic " + base64.b64encode(f":{KEY}".encode()).decode()}),
        guarded.send(f"/ollama/api/{spelt}", body, key=KEY),
    ]
    for answer in answers:
        assert answer.status >= 400
        assert leaks(json.dumps(answer.headers) + answer.text) == []
    assert leaks(everything_told(guarded)) == []


@pytest.mark.parametrize(
    "rest",
    [
        f"Authorization: Bearer {KEY}\r\nContent-Length: 99999999\r\n\r\n",
        f"Authorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        f"Authorization: Bearer {KEY}\r\nContent-Length: 50\r\n\r\n{{",
        f"X-Big: {KEY * 2000}\r\n\r\n",
        f"{KEY}\r\n\r\n",
    ],
)
@pytest.mark.parametrize("line", [f"POST {CHAT}", f"POST {CHAT}?key={KEY}", f"POST /{KEY}", KEY])
def test_what_nginx_refuses_itself_does_not_tell_the_key(guarded: Gateway, line: str, rest: str) -> None:
    with connect(guarded, seconds=0.5) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\n{rest}".encode())
        answer = b""
        with suppress(TimeoutError):  # the one that waits for a body
            answer = connection.recv(65536)
    assert leaks(answer.decode()) == []
    assert leaks(everything_told(guarded)) == []
