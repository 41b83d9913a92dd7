"""Clients that send or read slowly: they wait for themselves, and hold nobody else up."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from orchestrator.plan.gateway import GatewayConfig
from tests.unit.gateway_bed import Gateway
from tests.unit.raw_http import CHAT, answered, connect, error_log, request, unexpected

SLOW = 100
LARGE = "x" * 60_000


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as connections:
        yield connections


def is_served(gateway: Gateway) -> None:
    begin = time.monotonic()
    assert {gateway.chat("bob").status for _ in range(10)} == {200}
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    "part",
    [b"", b"P", b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A", request()[:-10]],
    ids=["nothing", "a letter", "half a head", "half a body"],
)
def test_many_that_do_not_finish_their_request_hold_nobody_up(gateway: Gateway, crowd: ExitStack, part: bytes) -> None:
    for _ in range(SLOW):
        crowd.enter_context(connect(gateway)).sendall(part)
    is_served(gateway)
    crowd.close()
    gateway.until(lambda: gateway.counters("ada")["in_flight"] == 0)
    is_served(gateway)


def test_a_request_that_comes_byte_by_byte_is_answered(gateway: Gateway) -> None:
    with connect(gateway) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request():
            connection.sendall(bytes([byte]))
            time.sleep(0.002)
        assert answered(connection)[0] == 200


def test_events_of_any_size_pass_without_keeping_a_worker(gateway: Gateway) -> None:
    """Once they took the square of their length: 15 s for twenty of 60 kB."""
    begin = time.monotonic()
    answer = gateway.chat("bob", stream=True, stub={"events": 20, "gap": 0, "text": LARGE})
    assert (answer.status, answer.text.count(LARGE)) == (200, 20)
    assert time.monotonic() - begin < 5


@pytest.mark.full("twenty seconds of reading; slow senders are for every day")
def test_a_reader_that_is_slow_gets_everything_and_holds_nobody_up(gateway: Gateway, crowd: ExitStack) -> None:
    ask = b'{"model":"stub","stream":true,"stub":{"events":200,"gap":0,"text":"%s"}}' % LARGE.encode()
    readers = [crowd.enter_context(connect(gateway, seconds=30)) for _ in range(3)]
    for reader in readers:
        reader.sendall(request(CHAT, b"Connection: close", body=ask))
    gateway.until(lambda: gateway.counters("ada")["in_flight"] == 3)
    is_served(gateway)
    assert gateway.counters("ada")["in_flight"] == 3
    for reader in readers:
        text = reader.makefile("rb").read()
        assert text.count(LARGE.encode()) == 200
        assert text.endswith(b"0\r\n\r\n")
    gateway.until(lambda: gateway.counters("ada")["in_flight"] == 0)


def test_who_takes_too_long_is_hung_up_on(
    start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig
) -> None:
    """With a second instead of nginx's minute."""
    gateway = start_gateway(config)
    conf = gateway.folder / "nginx.conf"
    conf.write_text(
        conf.read_text().replace("client_max_body_size     32m;", "client_max_body_size 32m; client_body_timeout 1s;")
    )
    gateway.restart()
    with connect(gateway) as connection:
        connection.sendall(request()[:-10])
        assert connection.recv(1) == b""
    gateway.wait_for(lambda line: line["status"] == 408)
    gateway.until(lambda: gateway.counters("ada")["in_flight"] == 0)
    assert unexpected([line for line in error_log(gateway) if "nobody could not be resolved" not in line]) == []
