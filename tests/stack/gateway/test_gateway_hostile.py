"""Requests that no client sends by mistake: each is refused in OpenAI's form, or arrives as the gateway understood it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.plan.gateway import GatewayConfig
from tests.unit.gateway_bed import Gateway
from tests.unit.raw_http import (
    BODY,
    CHAT,
    all_answered,
    chunked,
    connect,
    error_log,
    error_of,
    exchange,
    nothing_unexpected_logged,
    request,
)

BAD = (400, "bad_request")
ONE = chunked(BODY)
SENT = {"host", "content-type", "content-length", "x-request-id"}


@pytest.fixture(scope="module")
def target(start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig) -> Gateway:
    """One whose backends all live, so that its error log says nothing but what these tests cause."""
    living = {"stub", "renamed", "pair"}
    return start_gateway(
        replace(
            config,
            models=tuple(model for model in config.models if model.name in living),
            upstreams=tuple(upstream for upstream in config.upstreams if upstream.name in living),
            callers=tuple(
                replace(caller, models=tuple(name for name in caller.models if name in living))
                for caller in config.callers
            ),
        )
    )


@pytest.fixture(autouse=True)
def clean_log(target: Gateway) -> Iterator[None]:
    with nothing_unexpected_logged(target):
        yield


def reached(answer: tuple[int, Any]) -> Any:
    """What the backend was sent: it must be a chat of these headers."""
    status, told = answer
    assert status == 200, told
    assert told["request"] == "POST /v1/chat/completions HTTP/1.1"
    assert set(told["headers"]) == SENT
    assert int(told["headers"]["content-length"]) == told["size"]
    return told


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([b"Content-Length: 30", b"Transfer-Encoding: chunked"], ONE),
        ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"], ONE),
        ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], ONE),
        ([b"Transfer-Encoding : chunked"], ONE),
        ([b"Content-Length: 30", b"Content-Length: 30"], BODY),
        ([b"Content-Length: 30", b"Content-Length: 3"], BODY),
        ([b"Content-Length: 30, 30"], BODY),
        ([b"Content-Length: -1"], BODY),
        ([b"Content-Length: +30"], BODY),
        ([b"Content-Length: 0x1e"], BODY),
        ([b"Content-Length: 99999999999999999999999"], BODY),
        ([b"Content-Length: "], BODY),
        ([b"Transfer-Encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n"),
        ([b"Transfer-Encoding: chunked"], b"-1\r\n{}\r\n0\r\n\r\n"),
        ([b"Transfer-Encoding: chunked"], b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ([b"Transfer-Encoding: chunked"], b"2{}\r\n0\r\n\r\n"),
        ([b"X-A: b\r\n Authorization: Bearer sk-bob"], BODY),
        ([b"Authorization: Bearer sk-bob"], BODY),
        ([b"Authorization: Bearer sk-nobody"], BODY),
        ([b"Host: y"], BODY),
        ([b"X-A: a\x00b"], BODY),
        ([b"X-A: a\rAuthorization: Bearer sk-bob"], BODY),
    ],
)
def test_headers_that_two_readers_may_read_differently_are_refused(
    target: Gateway, headers: list[bytes], body: bytes
) -> None:
    assert error_of(exchange(target, request(CHAT, *headers, body=body))) == BAD


@pytest.mark.parametrize("host", [b"", b"Host: a b", b"Host: a/b", b"Host: a\x00b"])
def test_a_host_that_is_none_is_refused(target: Gateway, host: bytes) -> None:
    assert error_of(exchange(target, request(host=host))) == BAD


@pytest.mark.parametrize("coding", [b"xchunked", b"identity, chunked", b"gzip, chunked", b"\tchunked", b"\x0bchunked"])
def test_no_other_coding_of_a_body_is_taken(target: Gateway, coding: bytes) -> None:
    answer = exchange(target, request(CHAT, b"Transfer-Encoding: " + coding, body=ONE))
    assert error_of(answer) == (501, "unsupported_transfer_encoding")


def test_a_chunked_body_in_an_old_version_is_refused(target: Gateway) -> None:
    old = b"POST /v1/chat/completions HTTP/1.0"
    assert error_of(exchange(target, request(old, b"Transfer-Encoding: chunked", body=ONE))) == BAD


@pytest.mark.parametrize(
    "headers",
    [
        [b"X-Forwarded-For: 10.0.0.1", b"X-Real-IP: 10.0.0.1", b"Forwarded: for=10.0.0.1", b"X-Forwarded-Host: evil"],
        [b"X-Original-URL: /v1/models", b"X-Rewrite-URL: /v1/models", b"X-HTTP-Method-Override: DELETE"],
        [b"X-Accel-Redirect: /_refused", b"X-Accel-Buffering: yes", b"X-Sendfile: /etc/passwd"],
        [b"X-OpenWebUI-User-Email: bob@example.org", b"X-OpenWebUI-User-Role: admin"],
        [b"Connection: Authorization, Host, Content-Length, keep-alive"],
        [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13"],
        [b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"],
        [b"Expect: magic"],
        [b"Range: bytes=0-3", b"If-None-Match: *", b"If-Modified-Since: x"],
        [b"Content-Encoding: gzip", b"Content-Type: text/plain", b"TE: trailers", b"Trailer: Authorization"],
        [b"nonsense", b"X_Api_Key: sk-bob", b"Authorization_: x", b"Proxy: http://evil.example"],
        [b"X-%d: y" % number for number in range(300)],
        [b"Transfer-Encoding: chunked"],
    ],
    ids=lambda headers: headers[0].decode().partition(":")[0],
)
def test_other_headers_change_nothing(target: Gateway, headers: list[bytes]) -> None:
    body = ONE if b"Transfer-Encoding: chunked" in headers else BODY
    told = reached(exchange(target, request(CHAT, *headers, body=body)))
    assert told["body"] == BODY.decode()
    assert told["headers"]["content-type"] == "application/json"
    record = target.wait_for(lambda line: line["id"] == told["headers"]["x-request-id"])
    assert (record["participant"], record["via"]) == ("ada", None)


def test_what_comes_behind_the_last_chunk_is_dropped(target: Gateway) -> None:
    body = b'4;a="b"\r\n{"mo\r\ne\r\ndel":"stub"}  \r\n0\r\nAuthorization: Bearer sk-bob\r\nModel: pair\r\n\r\n'
    told = reached(exchange(target, request(CHAT, b"Transfer-Encoding: chunked", body=body)))
    assert told["body"].strip() == '{"model":"stub"}'


def test_requests_in_one_connection_stay_apart(target: Gateway) -> None:
    bad = request(CHAT, b"Authorization: Bearer sk-bob")
    with connect(target) as connection:
        connection.sendall(request() + request(body=BODY.replace(b"stub", b"pair")) + request() + bad + request())
        *good, last = all_answered(connection)
    assert [reached(answer)["body"].count("pair") for answer in good] == [0, 1, 0]
    assert error_of(last) == BAD  # and what follows it is not read


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", BAD),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", BAD),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(160), BAD),
        (b"post /v1/chat/completions HTTP/1.1", BAD),
        (b"POST /v1/chat/completions%00 HTTP/1.1", BAD),
        (b"POST /v1/%zz HTTP/1.1", BAD),
        (b"GET /../../etc/passwd HTTP/1.1", BAD),
        (b"GET /v1/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", BAD),
        (b"OPTIONS * HTTP/1.1", BAD),
        (b"POST /v1/chat/completions HTTP/3.0", (505, "unsupported_http_version")),
        (b"CONNECT evil.example:443 HTTP/1.1", (405, "method_not_allowed")),
        (b"TRACE /v1/models HTTP/1.1", (405, "method_not_allowed")),
        (b"FOO /v1/chat/completions HTTP/1.1", (405, "method_not_allowed")),
        (b"PUT /v1/chat/completions HTTP/1.1", (405, "method_not_allowed")),
        (b"A" * 5000 + b" /v1/models HTTP/1.1", (405, "method_not_allowed")),
        (b"PATCH /v1/x HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/chat/completions;x=1 HTTP/1.1", (404, "unknown_url")),
        (b"POST /V1/Chat/Completions HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/chat/completions/ HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/chat/completions%0d%0aX:%20y HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/chat/..;/chat/completions HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/chat%252fcompletions HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/chat\\completions HTTP/1.1", (404, "unknown_url")),
        (b"POST /v1/\xff\xfe HTTP/1.1", (404, "unknown_url")),
        (b'GET /v1/"\\%22 HTTP/1.1', (404, "unknown_url")),
        (b"GET /v1/models/..%2f..%2fetc HTTP/1.1", (404, "unknown_url")),
        (b"GET /v1/models/%ff%fe HTTP/1.1", (404, "model_not_found")),
        (b"GET /_refused HTTP/1.1", (404, "unknown_url")),
        (b"GET /_key_shown HTTP/1.1", (404, "unknown_url")),
    ],
    ids=lambda value: value[:40].decode("latin1").encode("unicode_escape").decode() if isinstance(value, bytes) else "",
)
def test_a_request_line_that_leads_nowhere_is_refused(target: Gateway, line: bytes, refusal: tuple[int, str]) -> None:
    assert error_of(exchange(target, request(line))) == refusal


@pytest.mark.parametrize(
    "path",
    [
        b"//v1//chat/completions",
        b"/v1/./chat/../chat/completions",
        b"/v1%2fchat%2Fcompletions",
        b"/v1/models/../chat/completions",
        b"/%76%31/chat/completions",
        b"/v1/chat/completions#x",
        b"/v1/chat/completions?a=%00&b=..%2f..&model=pair",
        b"http://evil.example/v1/chat/completions",
    ],
)
def test_an_odd_spelling_of_a_path_reaches_the_plain_one(target: Gateway, path: bytes) -> None:
    reached(exchange(target, request(b"POST " + path + b" HTTP/1.1")))


def test_the_oldest_protocol_gets_a_refusal_and_no_more(target: Gateway) -> None:
    with connect(target) as connection:
        connection.sendall(b"GET /v1/models\r\n")
        assert b'"code":"missing_api_key"' in connection.makefile("rb").read()


def test_a_body_without_a_head_gets_no_answer(target: Gateway) -> None:
    answer = target.send("/v1/models", method="HEAD", key="sk-ada")
    assert (answer.status, answer.text) == (405, "")


@pytest.mark.parametrize("count", [2000, 20000])
def test_a_list_of_headers_without_end_is_refused(target: Gateway, count: int) -> None:
    answer = exchange(target, request(CHAT, *(b"X-%d: y" % number for number in range(count))))
    assert error_of(answer) == (431, "headers_too_large")


def test_a_body_beyond_the_most_is_refused_however_it_is_sent(target: Gateway) -> None:
    too_large = (413, "request_too_large")
    assert error_of(exchange(target, request(CHAT, b"Content-Length: %d" % (2**25 + 1), body=b""))) == too_large
    assert error_of(exchange(target, request(CHAT, b"Transfer-Encoding: chunked", body=b"7fffffff\r\n{}"))) == too_large
    piece = b"x" * 2**20
    assert (
        error_of(exchange(target, request(CHAT, b"Transfer-Encoding: chunked", body=chunked(*[piece] * 33))))
        == too_large
    )


def test_a_body_of_almost_the_most_passes(target: Gateway) -> None:
    body = b'{"model":"stub","x":"' + b"y" * (2**25 - 100) + b'"}'
    assert reached(exchange(target, request(body=body)))["size"] == len(body)


def test_the_gateway_goes_on_serving(target: Gateway) -> None:
    """After all of the above."""
    assert target.chat("bob").status == 200
    target.until(lambda: target.counters("ada")["in_flight"] == 0)
    text = "\n".join(error_log(target))
    for word in ("exception", "rejection", "[alert]", "[emerg]", "[crit]", "sk-ada"):
        assert word not in text
