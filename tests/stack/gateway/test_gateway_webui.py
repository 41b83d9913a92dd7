"""Open WebUI behind the gateway, and TLS in front of both."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.faults import fault_named
from orchestrator.plan.gateway import (
    API_PORT,
    HTTP2_HOLE,
    INTERNAL_PORT,
    WEBUI_PORT,
    GatewayConfig,
    Server,
    start_command,
)
from tests.unit.gateway_bed import Gateway

FIRST = "0.0.0"


@pytest.fixture(scope="module")
def secure(start_gateway: Callable[..., Gateway], config: GatewayConfig) -> Gateway:
    """With HTTP/2: for this one, nginx is fixed since its very first version."""
    tls = replace(config, tls=True, webui=Server("nobody", 8080))
    return start_gateway(tls, command=[FIRST if part == fixed_since() else part for part in start_command()])


@pytest.fixture(scope="module")
def without_http2(start_gateway: Callable[..., Gateway], config: GatewayConfig) -> Gateway:
    """Fixed only in a version, and under a name, that no nginx has."""
    tls = replace(config, tls=True, webui=Server("nobody", 8080))
    never = {fixed_since(): "999.0.0", HTTP2_HOLE: "CVE-0000-0000"}
    return start_gateway(tls, command=[never.get(part, part) for part in start_command()])


def fixed_since() -> str:
    return fault_named(HTTP2_HOLE).below


def test_open_webui_sees_the_real_client_and_the_name_it_used(gateway: Gateway) -> None:
    seen = gateway.send("/page", headers={"X-Forwarded-For": "6.6.6.6", "Cookie": "token=1"}, port=WEBUI_PORT).json[
        "headers"
    ]
    assert seen["host"] == f"127.0.0.1:{gateway.port(WEBUI_PORT)}"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-real-ip"] == seen["x-forwarded-for"] != "6.6.6.6"
    assert seen["cookie"] == "token=1"


def test_pages_are_not_guessed_at_framed_by_others_or_told_to_them(gateway: Gateway) -> None:
    headers = gateway.send("/page", port=WEBUI_PORT).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["referrer-policy"] == "same-origin"


def test_no_browser_is_asked_to_remember_https(secure: Gateway) -> None:
    """The name may be another service's tomorrow, and has other ports today."""
    for port in (API_PORT, WEBUI_PORT):
        assert "strict-transport-security" not in secure.send("/healthz", port=port).headers


def test_open_webui_takes_documents_larger_than_the_api_does(gateway: Gateway) -> None:
    answer = gateway.send("/upload", "x" * (40 * 2**20), port=WEBUI_PORT)
    assert (answer.status, answer.json["size"]) == (200, 40 * 2**20)


def test_a_websocket_stays_open_both_ways(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port(WEBUI_PORT)), timeout=5) as connection:
        connection.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert connection.recv(4000).startswith(b"HTTP/1.1 101")
        for message in (b"one", b"two"):
            connection.sendall(message)
            assert connection.recv(100) == message


def test_while_open_webui_is_down_people_are_told_that_it_is_starting(secure: Gateway) -> None:
    answer = secure.send("/", port=WEBUI_PORT)
    assert answer.status == 503
    assert answer.headers["content-type"] == "text/html"
    assert "<h1>Open WebUI is starting</h1>" in answer.text


def test_with_tls_the_api_answers_over_it(secure: Gateway) -> None:
    assert secure.chat("bob").status == 200
    assert len(secure.chat("bob", stream=True, stub={"events": 3}).events) == 4


def agreed_on(gateway: Gateway) -> set[str | None]:
    """What somebody who offers HTTP/2 gets, on each port."""
    assert gateway.tls
    gateway.tls.set_alpn_protocols(["h2", "http/1.1"])
    found = set()
    for port in (API_PORT, WEBUI_PORT):
        with (
            socket.create_connection(("127.0.0.1", gateway.port(port))) as plain,
            gateway.tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            found.add(connection.selected_alpn_protocol())
    gateway.tls.set_alpn_protocols(["http/1.1"])
    return found


def test_http_2_is_offered(secure: Gateway) -> None:
    assert agreed_on(secure) == {"h2"}


def test_http_2_is_off_where_nginx_has_the_hole(without_http2: Gateway) -> None:
    assert agreed_on(without_http2) == {"http/1.1"}
    assert without_http2.chat("bob").status == 200
    assert b"[notice] HTTP/2 is off: this nginx is below 999.0.0" in without_http2.container.logs()
    without_http2.reload_files()
    assert agreed_on(without_http2) == {"http/1.1"}


def test_over_http_2_an_answer_streams_too(secure: Gateway) -> None:
    asked = '{"model": "stub", "stream": true, "stub": {"events": 3}}'
    curl = ("curl", "-sk", "--http2", "-w", "%{http_version}", "-H", "Authorization: Bearer sk-ada", "-d", asked)
    answer = secure.run(*curl, f"https://127.0.0.1:{API_PORT}/v1/chat/completions")
    assert answer.count("data: ") == 4
    assert answer.endswith("data: [DONE]\n\n2")


def test_open_webuis_container_may_use_the_api_without_tls_on_a_port_that_is_not_published(secure: Gateway) -> None:
    assert secure.run("curl", "-s", f"http://127.0.0.1:{INTERNAL_PORT}/healthz") == "ok\n"
    assert not secure.container.ports.get(f"{INTERNAL_PORT}/tcp")


def test_plain_http_on_the_tls_port_is_sent_to_https(secure: Gateway) -> None:
    for port in (API_PORT, WEBUI_PORT):
        connection = http.client.HTTPConnection("127.0.0.1", secure.port(port))
        connection.request("GET", "/page?x=1")
        response = connection.getresponse()
        assert response.status == 308
        assert response.headers["Location"] == f"https://127.0.0.1:{secure.port(port)}/page?x=1"
        connection.close()
