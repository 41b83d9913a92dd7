"""Who is not answered by an edge, and what not even the gateway may ask there."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.tls.edges import GATEWAY, KeptEdges, issue_edges
from orchestrator.tls.pair import CLIENTS_ONLY, Pair, make_leaf
from tests.stack.edge.bed import NOW, WANTED, Bed, pem

HOUR = timedelta(hours=1)
ONLY = "Only the workshop's gateway is answered here.\n"


def expired(authority: Pair) -> Pair:
    return make_leaf("edge workshop gateway", CLIENTS_ONLY, GATEWAY.alternatives, authority, NOW - 2 * HOUR, NOW - HOUR)


@pytest.fixture(scope="module")
def shown(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates with their keys, by whose they are."""
    folder = tmp_path_factory.mktemp("shown")
    another = issue_edges(replace(WANTED, workshop="another"), KeptEdges())
    pairs = {
        "gateway": bed.issued.gateway,
        "another workshop's gateway": another.gateway,
        "an edge": bed.issued.hosts["two"],
        "this edge": bed.issued.hosts["one"],
        "the authority": bed.issued.authority,
        "expired": expired(bed.issued.authority),
    }
    return {who: pem(folder, who.replace(" ", "-"), pair) for who, pair in pairs.items()}


def test_the_gateways_certificate_is_taken(bed: Bed, shown: dict[str, Path]) -> None:
    assert bed.knock("one", shown=shown["gateway"]).status == 200


def test_without_a_certificate_nothing_is_answered(bed: Bed) -> None:
    answer = bed.knock("one")
    assert (answer.status, answer.text) == (403, ONLY)
    assert answer.headers["server"] == "nginx"


@pytest.mark.parametrize("who", ["another workshop's gateway", "an edge", "this edge", "the authority", "expired"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/health", "/metrics", "/"])
def test_no_other_certificate_is_taken(bed: Bed, shown: dict[str, Path], who: str, path: str) -> None:
    answer = bed.knock("one", path, shown=shown[who])
    assert (answer.status, answer.text) == (403, ONLY)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/models"),
        ("POST", "/v1/load_lora_adapter"),
        ("POST", "/v1/chat/completions/../load_lora_adapter"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/v1//load_lora_adapter"),
        ("POST", "/api/pull"),
        ("POST", "/api/chat"),
        ("GET", "/healthz"),
        ("GET", "/docs"),
        ("POST", "/sleep"),
        ("GET", "/slots"),
    ],
)
def test_even_the_gateway_gets_only_what_participants_may_ask(
    bed: Bed, shown: dict[str, Path], method: str, path: str
) -> None:
    answer = bed.knock("one", path, shown=shown["gateway"], method=method)
    assert (answer.status, answer.text) == (404, "This is not asked through the edge.\n")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("DELETE", "/health"), ("POST", "/metrics")]
)
def test_a_method_that_is_not_needed_is_refused(bed: Bed, shown: dict[str, Path], method: str, path: str) -> None:
    answer = bed.knock("one", path, shown=shown["gateway"], method=method)
    assert (answer.status, answer.text) == (403, "This method is not allowed here.\n")


def test_the_path_that_an_engine_sees_is_the_one_that_was_allowed(bed: Bed, shown: dict[str, Path]) -> None:
    answer = bed.knock("two", "/v1/load_lora_adapter/../chat/%63ompletions", shown=shown["gateway"])
    assert (answer.status, answer.json["request"]) == (200, "POST /v1/chat/completions HTTP/1.1")


def test_a_body_beyond_the_bound_is_refused(bed: Bed, shown: dict[str, Path]) -> None:
    trust = ssl.create_default_context(cadata=bed.credentials.authority.decode())
    trust.load_cert_chain(shown["gateway"])
    name = f"{bed.on('two')[0].service}.two.edge.internal"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {name}\r\nContent-Length: {2**30}\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", bed.ports["two"]), timeout=10) as raw,
        trust.wrap_socket(raw, server_hostname=name) as connection,
    ):
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("name", ["one.edge.internal", "model-none-1.one.edge.internal", "localhost", "gateway"])
def test_who_names_no_backend_of_this_host_sees_no_certificate(bed: Bed, shown: dict[str, Path], name: str) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        bed.knock("one", shown=shown["gateway"], name=name)


def test_without_tls_nothing_is_answered(bed: Bed) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", bed.ports["one"], timeout=10)
    connection.request("GET", "/health")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connection.getresponse()
    connection.close()


def test_old_versions_of_tls_are_not_spoken(bed: Bed, shown: dict[str, Path]) -> None:
    trust = ssl.create_default_context(cadata=bed.credentials.authority.decode())
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    name = f"{bed.on('one')[0].service}.one.edge.internal"
    with socket.create_connection(("127.0.0.1", bed.ports["one"]), timeout=10) as raw, pytest.raises(ssl.SSLError):
        trust.wrap_socket(raw, server_hostname=name)


def test_an_engine_has_no_port_on_its_host_and_no_way_out(bed: Bed) -> None:
    for host in ("one", "two"):
        for backend in bed.on(host):
            ports = bed.compose(host, "ps", "--format", "{{.Ports}}", backend.service).strip()
            assert "->" not in ports


def test_an_engine_is_not_reached_from_the_gateways_container(bed: Bed) -> None:
    """Neither by name nor by the number that it has on its own host's network."""
    address = bed.inside("one", bed.on("one")[0].service, "hostname", "-i").strip()
    for target in (address, bed.on("one")[0].service):
        command = f"curl -s -m 3 -o /dev/null http://{target}:8000/health; echo $?"
        assert bed.inside("front", "gateway", "sh", "-c", command).strip() in {"6", "7", "28"}


def test_a_provider_is_not_shown_the_gateways_certificate(bed: Bed, provider: str) -> None:
    """Nor is it after an edge was asked in the same request: `last` has no backend that answers, and `rented` is next."""
    assert bed.ask("rented").json["shown"] == ""
    bed.compose("two", "stop", "--timeout", "0", "model-last-1")
    try:
        answer = bed.ask("last")
        assert answer.status == 200, answer
        assert (answer.json["served_by"], answer.json["shown"]) == ("provider", "")
    finally:
        bed.compose("two", "start", "model-last-1")


def test_an_edge_is_asked_after_a_provider_in_the_same_request(bed: Bed, provider: str) -> None:
    """The certificate that the provider was not shown is shown to the edge."""
    conf = bed.folder / "provider.conf"
    before = conf.read_text(encoding="utf-8")
    assert bed.served_by("bill") == "provider"
    conf.write_text(before.replace("return 200", "return 503"), encoding="utf-8")
    try:
        reloaded(provider)
        assert bed.served_by("bill").startswith("model-pair-")
    finally:
        conf.write_text(before, encoding="utf-8")
        reloaded(provider)


def reloaded(container: str) -> None:
    subprocess.run(["docker", "exec", container, "nginx", "-s", "reload"], check=True, capture_output=True)
    time.sleep(1)
