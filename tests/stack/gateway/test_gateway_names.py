"""Open WebUIs of people's own by name, all at one port of nginx: each name leads to its page, and no other to any."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.plan.gateway import WEBUI_PORT, GatewayConfig, Page, Server
from tests.unit.gateway_bed import Answer, Gateway

DOMAIN = "chat.example.org"


@pytest.fixture(scope="module")
def named(config: GatewayConfig, stubs: tuple[str, str]) -> GatewayConfig:
    """Two pages, and one that was closed."""
    servers = [Server(stubs[0], 8000), Server(stubs[1], 8000), None]
    pages = (
        Page(WEBUI_PORT, server, (f"p0{number}.{DOMAIN}", f"p0{number}.class.localhost"))
        for number, server in enumerate(servers, start=1)
    )
    return replace(config, webui=None, pages=tuple(pages))


@pytest.fixture(scope="module")
def plain(start_gateway: Callable[[GatewayConfig], Gateway], named: GatewayConfig) -> Gateway:
    return start_gateway(named)


@pytest.fixture(scope="module")
def secure(start_gateway: Callable[[GatewayConfig], Gateway], named: GatewayConfig) -> Gateway:
    return start_gateway(replace(named, tls=True))


def ask(gateway: Gateway, host: str, path: str = "/page", **headers: str) -> Answer:
    return gateway.send(path, headers={"Host": host, **headers}, port=WEBUI_PORT)


def raw(gateway: Gateway, head: str) -> str:
    """What comes back for these very lines."""
    with socket.create_connection(("127.0.0.1", gateway.port(WEBUI_PORT)), timeout=10) as connection:
        connection.sendall((head.replace("\n", "\r\n") + "\r\n\r\n").encode("latin1"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.decode("latin1")


@pytest.mark.parametrize("host", ["p01.{}", "P01.{}", "p01.{}.", "p01.{}:3000", "p01.class.localhost"])
def test_a_name_leads_to_its_page_however_it_is_written(plain: Gateway, secure: Gateway, host: str) -> None:
    for gateway in (plain, secure):
        for name, stub in ((host, "stub-a"), (host.replace("01", "02"), "stub-b")):
            assert ask(gateway, name.format(DOMAIN)).json["served_by"] == stub


HOSTILE = [
    *(f"p99.{DOMAIN}", DOMAIN, f".{DOMAIN}", f"p01.{DOMAIN}.evil.example", f"x.p01.{DOMAIN}", f"p01{DOMAIN}", "p01"),
    *("p01.other.example.org", "llm.example.org", "localhost", "127.0.0.1", "2130706433", "[::1]", "_", "*", "~p01"),
    *(f"*.{DOMAIN}", f"p01.{DOMAIN}..", f"p01.{DOMAIN}@p02.{DOMAIN}", f"p01.{DOMAIN},p02.{DOMAIN}", f"p01%2e{DOMAIN}"),
    *(f"p01..{DOMAIN}", f"p01.{DOMAIN}\x00", f"p01.{DOMAIN}/", f"p01.{DOMAIN} p02.{DOMAIN}", "\xff.chat.example.org"),
]


@pytest.mark.parametrize("host", HOSTILE)
def test_any_other_name_or_address_leads_to_nobodys_page(plain: Gateway, host: str) -> None:
    answer = raw(plain, f"GET /page HTTP/1.1\nHost: {host}\nConnection: close")
    assert answer.split(" ", 2)[1] in {"400", "404"}, answer
    assert "served_by" not in answer


@pytest.mark.parametrize(
    "head",
    [
        "GET /page HTTP/1.0",
        "GET /page HTTP/1.1\nHost:\nConnection: close",
        f"GET /page HTTP/1.1\nHost: p01.{DOMAIN}\nHost: p02.{DOMAIN}\nConnection: close",
        f"GET http://p99.{DOMAIN}/page HTTP/1.1\nHost: p01.{DOMAIN}\nConnection: close",
        f"CONNECT p01.{DOMAIN}:3000 HTTP/1.1\nHost: p01.{DOMAIN}\nConnection: close",
    ],
    ids=["HTTP/1.0", "empty", "two", "another in the request line", "CONNECT"],
)
def test_no_name_or_several_lead_to_nobodys_page(plain: Gateway, head: str) -> None:
    answer = raw(plain, head)
    assert answer.split(" ", 2)[1] in {"400", "404", "405"}, answer
    assert "served_by" not in answer


def test_a_name_that_is_nobodys_is_told_where_to_look(plain: Gateway, secure: Gateway) -> None:
    for gateway in (plain, secure):
        answer = ask(gateway, f"p99.{DOMAIN}")
        assert (answer.status, answer.text) == (404, "No Open WebUI has this name: yours is on your card.\n")


def test_who_was_removed_has_a_closed_page_and_the_others_theirs(plain: Gateway) -> None:
    answer = ask(plain, f"p03.{DOMAIN}")
    assert (answer.status, answer.text) == (410, "This Open WebUI was closed.\n")


def test_over_tls_the_page_is_the_asked_ones_whatever_name_the_handshake_had(secure: Gateway) -> None:
    """Browsers ask for a second name over the connection of the first, where one certificate has both."""
    assert secure.tls is not None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for shown in (f"p01.{DOMAIN}", f"p99.{DOMAIN}", None):
        with (
            socket.create_connection(("127.0.0.1", secure.port(WEBUI_PORT)), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=shown) as connection,
        ):
            connection.sendall(f"GET /page HTTP/1.1\r\nHost: p02.{DOMAIN}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b'"served_by": "stub-b"' in answer


def test_a_websocket_stays_open_to_the_named_page_and_opens_to_no_other(plain: Gateway) -> None:
    head = "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    with socket.create_connection(("127.0.0.1", plain.port(WEBUI_PORT)), timeout=10) as connection:
        connection.sendall(head.format(f"p02.{DOMAIN}").encode())
        assert connection.recv(4000).startswith(b"HTTP/1.1 101")
        for message in (b"one", b"two"):
            connection.sendall(message)
            assert connection.recv(100) == message
    with socket.create_connection(("127.0.0.1", plain.port(WEBUI_PORT)), timeout=10) as connection:
        connection.sendall(head.format(f"p99.{DOMAIN}").encode())
        assert connection.recv(4000).startswith(b"HTTP/1.1 404")


def test_over_tls_cookies_are_such_as_no_other_name_can_set(secure: Gateway) -> None:
    """One page's administrator could set `token` for the whole domain, so that others send it."""
    sent = "token=theirs; __Host-token=own; stub=theirs; __Host-stub=own"
    answer = ask(secure, f"p01.{DOMAIN}", Cookie=sent)
    assert answer.json["headers"]["cookie"] == "token=own; stub=own"
    assert answer.headers["set-cookie"] == "__Host-stub=1; Secure"


def test_without_tls_cookies_keep_their_names(plain: Gateway) -> None:
    answer = ask(plain, f"p01.{DOMAIN}", Cookie="token=1")
    assert (answer.json["headers"]["cookie"], answer.headers["set-cookie"]) == ("token=1", "stub=1")
