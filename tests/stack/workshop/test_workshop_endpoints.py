"""A real class on other people's servers: an authority of their own, a key in a header of theirs, and a replacement."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.stack.workshop.bed import Workshop, ask, free_port

pytestmark = pytest.mark.full(
    "a whole class on servers of others; test_gateway_routing has their headers, paths and authorities"
)

KEY, COURSE = "sk-azure-sentinel-0815", "course-sentinel-0816"


class Endpoint(ThreadingHTTPServer):
    """Speaks as OpenAI does, over TLS; remembers what it was asked."""

    daemon_threads = True

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        super().__init__((address, 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def base_url(self) -> str:
        return f"https://{self.server_address[0]!s}:{self.server_port}/openai/deployments/x"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "/chat/completions" not in self.path:
            self.send_error(404)
            return
        message = {"role": "assistant", "content": f"I am {asked['model']}"}
        usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
        whole: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
        whole["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        body, kind = json.dumps(whole).encode(), "application/json"
        if asked.get("stream"):
            piece = json.dumps({"choices": [{"index": 0, "delta": message}]}).encode()
            body, kind = b"data: " + piece + b"\n\ndata: [DONE]\n\n", "text/event-stream"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def bridge(make_workshop: Callable[..., Workshop]) -> str:
    """The address by which containers reach this machine."""
    (found,) = make_workshop("nobody").engine.networks.get("bridge").attrs["IPAM"]["Config"]
    return str(found["Gateway"])


@pytest.fixture(scope="module")
def certificate(bridge: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by itself, so it is its own authority. nginx compares addresses with names only, hence a DNS name."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another institute")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(bridge)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("endpoint") / "pair.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def endpoint(bridge: str, certificate: Path) -> Iterator[Endpoint]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Endpoint(bridge, context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def models(endpoint: Endpoint, bridge: str, **trust: str) -> list[dict[str, Any]]:
    azure = {
        "engine": "external",
        "base_url": endpoint.base_url,
        "api_key": "${env:STACKTEST_AZURE_KEY}",
        "api_key_header": "api-key",
        "query": {"api-version": "2024-10-21"},
        "headers": {"X-Course": "${env:STACKTEST_COURSE}"},
    }
    down = {"engine": "external", "base_url": f"http://{bridge}:{free_port()}/v1"}
    return [
        {"name": "big", "source": "gpt-4o", "aliases": ["gpt-4"], **azure, **trust},
        {"name": "own", "source": "gone", "fallback": ["rented"], **down},
        {"name": "rented", "source": "rented-model", "hidden": True, **azure, **trust},
    ]


def code(workshop: Workshop, participant: str) -> int:
    body = {"model": "big", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    headers = {"Authorization": f"Bearer {workshop.person(participant)['api_key']}"}
    return requests.post(f"{workshop.api}/v1/chat/completions", json=body, headers=headers, timeout=30).status_code


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], endpoint: Endpoint, bridge: str, certificate: Path) -> Workshop:
    made = make_workshop(
        "endpoints",
        practice=False,
        models=models(endpoint, bridge, ca=str(certificate)),
        limits={"requests_per_minute": 60, "participants": {"p02": {"requests_per_minute": 1}}},
        gateway={"port": free_port(), "metrics": free_port()},
    )
    made.environment |= {"STACKTEST_AZURE_KEY": KEY, "STACKTEST_COURSE": COURSE}
    assert made.provision()["ok"] is True
    return made


def test_an_endpoint_with_its_own_authority_is_asked_as_it_wants_to_be(workshop: Workshop, endpoint: Endpoint) -> None:
    endpoint.asked.clear()

    assert ask(workshop.client(workshop.person("p01")), "big") == "I am gpt-4o"
    ((path, headers),) = endpoint.asked
    assert path == "/openai/deployments/x/chat/completions?api-version=2024-10-21"
    assert (headers["api-key"], headers["x-course"]) == (KEY, COURSE)
    assert "authorization" not in headers


def test_a_model_answers_to_its_alias_and_lists_show_its_name_only(workshop: Workshop) -> None:
    client = workshop.client(workshop.person("p01"))

    assert ask(client, "gpt-4") == "I am gpt-4o"
    assert sorted(model.id for model in client.models.list()) == ["big", "own"]


def test_while_a_model_is_down_its_fallback_answers_which_nobody_may_name(workshop: Workshop) -> None:
    client = workshop.client(workshop.person("p01"))

    assert ask(client, "own") == "I am rented-model"
    with pytest.raises(openai.NotFoundError):
        ask(client, "rented")


def test_a_participant_has_the_limits_that_the_spec_gives_them(workshop: Workshop) -> None:
    codes = [code(workshop, "p02") for _ in range(3)]

    assert 429 in codes  # a minute may end in between, so which of them is open
    assert [code(workshop, "p01") for _ in range(3)] == [200, 200, 200]


def test_metrics_are_read_on_the_host_itself(workshop: Workshop) -> None:
    answer = requests.get(f"http://127.0.0.1:{workshop.spec['gateway']['metrics']}/metrics", timeout=10)

    assert answer.status_code == 200
    assert "model-big" in answer.text
    assert KEY not in answer.text


def test_secrets_of_endpoints_stand_nowhere_but_in_the_gateways_rules(workshop: Workshop) -> None:
    for secret in (KEY, COURSE):
        for folder in (workshop.state, workshop.stack.parent):
            paths = (path for path in folder.rglob("*") if path.is_file())
            assert {path.name for path in paths if secret.encode() in path.read_bytes()} <= {"policy.json"}
        assert secret not in "".join(workshop.said)


def test_an_endpoint_whose_authority_is_not_known_is_not_asked(
    workshop: Workshop, endpoint: Endpoint, bridge: str
) -> None:
    """The last one here: afterwards nobody answers."""
    workshop.write(models=models(endpoint, bridge))
    endpoint.asked.clear()
    told = workshop.provision(code=4)

    assert {check["target"] for check in told["checks"] if not check["ok"]} >= {"big"}
    assert endpoint.asked == []
