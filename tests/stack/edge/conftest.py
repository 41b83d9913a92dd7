"""The bed of bed.py, started once; and a provider beside it that would take any certificate."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator

import docker
import pytest

from orchestrator.practice.gguf import write_gguf
from orchestrator.spec.components import Component
from orchestrator.spec.loader import load
from orchestrator.tls.lifetime import LEAST
from orchestrator.tls.names import Names
from orchestrator.tls.pair import make_authority, make_server
from tests.stack.edge.bed import NOW, Bed
from tests.unit.eventually import eventually

PROVIDER = "provider.example.org"
SPEC = """\
name: edge
title: Edges
public: {{host: 127.0.0.1}}
participants: {{count: 2}}
webui: {{mode: none}}
limits: {{requests_per_minute: 1000, concurrent_requests: 100, tokens_per_minute: 1000000, token_budget: 100000000}}
gateway: {{port: {front}}}
hosts:
  - {{name: front, roles: [gateway]}}
  - {{name: one, address: one.invalid, private: {address}, edge_port: {one}, roles: [inference]}}
  - {{name: two, address: two.invalid, private: {address}, edge_port: {two}, roles: [inference]}}
models:
  - {{name: pair, engine: llamacpp, source: {gguf}, replicas: 2, gpus: 0}}
  - {{name: llama, engine: llamacpp, source: {gguf}, gpus: 0, host: one, args: {{metrics: true}}}}
  - {{name: bill, engine: external, source: x, base_url: "https://{provider}/v1", ca: ca.pem, fallback: [pair]}}
  - {{name: last, engine: llamacpp, source: {gguf}, gpus: 0, host: two, fallback: [rented]}}
  - {{name: rented, engine: external, source: x, base_url: "https://{provider}/v1", ca: ca.pem}}
"""
# Tells who was shown to it. Its /v1/chat/completions answers 503 to the model `bill`, so that somebody else is asked.
PROVIDER_CONF = """\
events {{}}
http {{
    server {{
        listen 443 ssl;
        ssl_certificate /tls/cert.pem;
        ssl_certificate_key /tls/key.pem;
        ssl_verify_client optional_no_ca;
        location / {{
            default_type application/json;
            return 200 '{{"choices": [{{"message": {{"content": "Hello"}}}}], "served_by": "provider", "shown": "$ssl_client_s_dn"}}';
        }}
    }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def bed(packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("edge")
    write_gguf(folder / "tiny.gguf", name="tiny")
    authority = make_authority("provider", Names.of(PROVIDER), NOW - LEAST, NOW + LEAST)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    shown = make_server("provider", Names.of(PROVIDER), authority, NOW - LEAST, NOW + LEAST)
    (folder / "cert.pem").write_bytes(shown.certificate_pem)
    (folder / "key.pem").write_bytes(shown.key_pem)
    (folder / "provider.conf").write_text(PROVIDER_CONF.format(), encoding="utf-8")
    ports = {name: free_port() for name in ("front", "one", "two")}
    client = docker.from_env()
    address = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    client.close()
    file = folder / "workshop.yaml"
    text = SPEC.format(**ports, address=address, gguf=folder / "tiny.gguf", provider=PROVIDER)
    file.write_text(text, encoding="utf-8")
    images = {
        Component("gateway"): packaged(Component("gateway")),
        Component("llamacpp"): packaged(Component("llamacpp")),
        Component("vllm_cpu"): packaged(Component("webui")),
    }
    made = Bed(load(file), folder, images, f"edge-test-{secrets.token_hex(3)}", ports)
    try:
        made.start()
        eventually(made.is_up)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def provider(bed: Bed) -> Iterator[str]:
    """The name of its container."""
    name, network = f"{bed.prefix}-provider", f"{bed.prefix}-front_front"
    mounts = [f"--volume={bed.folder}:/tls:ro", f"--volume={bed.folder}/provider.conf:/etc/nginx/nginx.conf:ro"]
    command = ["docker", "run", "--detach", "--rm", "--name", name, "--network", network, "--network-alias", PROVIDER]
    image = bed.images[Component("gateway")]
    subprocess.run([*command, *mounts, image, "nginx", "-g", "daemon off;"], check=True, capture_output=True)
    eventually(lambda: bed.ask("rented").status == 200 or None)
    rented = ("model-rented", "model-bill")  # whoever could not be reached is left alone for ten seconds
    eventually(lambda: all(bed.backends()[name]["state"] == "up" for name in rented) or None)
    yield name
    subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)
