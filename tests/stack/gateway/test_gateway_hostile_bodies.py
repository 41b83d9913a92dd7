"""Bodies that parsers disagree about: refused in OpenAI's form, or passed on as they were understood here."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.unit.gateway_bed import Gateway
from tests.unit.raw_http import CHAT, chunked, error_of, exchange, request

pytestmark = pytest.mark.usefixtures("clean_log")

DEEP = 100_000
FIRST = b'{"model":"renamed","x":'


def refused(gateway: Gateway, body: bytes) -> tuple[int, str]:
    return error_of(exchange(gateway, request(body=body)))


def passed(gateway: Gateway, body: bytes) -> str:
    """The body that the backend got."""
    status, told = exchange(gateway, request(body=body))
    assert status == 200, told
    text: str = told["body"]
    return text


def pairs(text: str | bytes) -> Any:
    """All members in their order, numbers as they are spelt."""
    return json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"model":"stub"}',
        '{"model":"stub"}'.encode("utf-16"),
        b'{"model":"stub"} {"model":"pair"}',
        b'{"model":"stub"}\x00',
        b'{"model":"stub","x":"a\x00b"}',
        b'{"model":"stub","x":NaN}',
        b'{"model":"stub","x":\'a\'}',
        b'{/**/"model":"stub"}',
        b'{"model":"stub",}',
        b"{model:'stub'}",
        b'{"mode\\l":"stub"}',
        b'{"model":["stub"]}',
        b'{"model":{"stub":1}}',
        b'{"__proto__":{"model":"stub"}}',
        b"[" * DEEP,
        FIRST + b"[" * DEEP + b"]" * DEEP + b"}",
        FIRST + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    ],
    ids=lambda body: body[:30].decode("latin1").encode("unicode_escape").decode(),
)
def test_what_is_no_json_object_with_a_model_is_refused(gateway: Gateway, body: bytes) -> None:
    assert refused(gateway, body) == (400, "invalid_body")


@pytest.mark.parametrize(
    "body",
    [
        b'{"mod\\u0065l":"renamed","model":"stub"}',
        b'{"model":"stub","\\u004dODEL":"renamed"}',
        b'{"model":"stub","x":{"model":"a"},"MODEL":"renamed"}',
        b'{"x":{"model":"a"},"model":"stub","model":"renamed"}',
        b'{"x":"\\"model\\":","model":"stub","mOdEl":"renamed"}',
        b'{"x":"\\\\","model":"stub","y":"\\\\\\"","mod\\u0065l":"renamed"}',
    ],
)
def test_two_keys_that_somebody_may_read_as_the_model_are_refused(gateway: Gateway, body: bytes) -> None:
    assert refused(gateway, body) == (400, "invalid_body")


@pytest.mark.parametrize(
    "body",
    [
        b'{"mod\\u0065l" : "renamed"}',
        b'{"model":"ren\\u0061med"}',
        b'{"x":"model","mod\\u0065l":"renamed"}',
        b'{"mod\\u0065l":"renamed","x":["model",{"model":"stub"}]}',
        b'{"a":{"model":"renamed"},"b":"\\"model\\":\\"stub\\"","model":"renamed","c":[[{"model":{}}]]}',
        '{"x":"ż\\\\","model":"renamed","y":"\\\\\\"{ż","z":{"model":"}"},"w":[]}'.encode(),
        b'{"model":"renamed","model ":"stub","model\\u0000":"pair","mod":"el"}',
        b'{"model":"renamed","__proto__":{"model":"stub"},"constructor":{"model":"stub"}}',
        b'{"model":"renamed","x":"a\\u0000b\\ud800","n":1e999,"m":12345678901234567890}',
        '{"model":"renamed","\uff4dodel":"x","mode\u217c":"y"}'.encode(),
        FIRST + b"[" * 30 + b"]" * 30 + b"}",
    ],
)
def test_only_the_name_of_the_model_changes_on_the_way(gateway: Gateway, body: bytes) -> None:
    expected = [(key, "name-inside" if key == "model" else value) for key, value in pairs(body)]
    assert pairs(passed(gateway, body)) == expected


def test_bytes_that_are_no_text_are_replaced_before_they_are_passed_on(gateway: Gateway) -> None:
    assert passed(gateway, b'{"model":"renamed","x":"\xff\xfe"}') == '{"model":"name-inside","x":"\ufffd\ufffd"}'
    for name in (
        b"renamed\xff",
        b"\xc0\xaerenamed",
        b"renamed\\u0000",
        b"renamed\\r\\nX-A: b",
        b"__proto__",
        b"toString",
    ):
        assert refused(gateway, b'{"model":"' + name + b'"}') == (404, "model_not_found")


@pytest.mark.parametrize(
    "options", [b'{"include_usage":false}', b"{}", b"null", b'{"x":{"y":"}"}}', b'{"x":1},"stream_options":{}', b"[1]"]
)
def test_odd_stream_options_hide_no_tokens(gateway: Gateway, options: bytes) -> None:
    body = b'{"model":"stub","stream":true,"stub":{"events":2},"stream_options":' + options + b"}"
    answer = gateway.send("/v1/chat/completions", body.decode(), key="sk-ada")
    record = gateway.record(answer)
    assert (answer.status, len(answer.events), record["completion_tokens"], record["estimated"]) == (200, 3, 2, False)


@pytest.mark.parametrize(
    "body",
    [
        FIRST + b"[" + b'"model",' * 400_000 + b"1]}",
        FIRST + b"[" + b'"model",' * 30_000 + b"1]}",
        FIRST + b'"' + b"\\\\" * 1_000_000 + b'\\u0061"}',
        FIRST + b'"' + b'\\"' * 120_000 + b'\\u0061"}',
        FIRST
        + b"["
        + b"1," * 1_000_000
        + b'1],"stream":true,"stub":{"events":1},"stream_options":{},"y":"stream_options"}',
        b'{"model"' + b" " * 3_000_000 + b':"renamed"}',
        b'{"model":"renamed"' + b"".join(b',"k%d":1' % number for number in range(100_000)) + b"}",
    ],
    ids=["model-400k", "model-30k", "backslashes", "quotes", "options", "spaces", "keys"],
)
def test_no_body_keeps_a_worker_for_long(gateway: Gateway, body: bytes) -> None:
    """Some are refused; the bound is wide: such bodies once took the square of their length, minutes."""
    begin = time.monotonic()
    answer = gateway.send("/v1/chat/completions", body.decode(), key="sk-ada")
    assert answer.status in {200, 400}
    assert time.monotonic() - begin < 5


def test_letters_beyond_ascii_may_be_escaped_in_a_body_of_any_size(gateway: Gateway) -> None:
    """As Python's json does without asking."""
    content: list[dict[str, Any]] = [{"type": "text", "text": "Décris"}, {"image_url": {"url": "data:," + "A" * 2**21}}]
    answer = gateway.send(
        "/v1/chat/completions",
        json.dumps({"model": "renamed", "messages": [{"role": "user", "content": content}]}),
        key="sk-ada",
    )
    assert (answer.status, '"model": "name-inside"' in answer.json["body"]) == (200, True)


def test_a_refusal_while_a_body_is_read_is_the_gateways_own(gateway: Gateway) -> None:
    """And not told as a model server's."""
    sent = request(CHAT, b"Transfer-Encoding: chunked", b"X-Request-Id: x", body=chunked(b"{") + b"zz")
    assert error_of(exchange(gateway, sent)) == (400, "invalid_body")
    sent = request(CHAT, b"Transfer-Encoding: chunked", body=b"zz\r\n")
    assert error_of(exchange(gateway, sent)) == (400, "bad_request")
    record = gateway.wait_for(lambda line: line["error"] == "bad_request")
    assert (record["status"], record["backend"], record["prompt_tokens"]) == (400, None, None)
