"""The gateway against a bare nginx `proxy_pass` to the same upstream, in turns: what authentication, limits, routing and
usage cost. All of it in containers on one network of its own, each reached by its own address.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.keys import api_key, fingerprint
from orchestrator.plan.gateway import (
    API_PORT,
    CONFIG_DIR,
    Caller,
    CallerLimits,
    GatewayConfig,
    RoutedModel,
    Server,
    Upstream,
)
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.components import Component

if TYPE_CHECKING:
    import docker

    from tests.bench.conftest import Report

PEOPLE = 200
ENGINE = Path(__file__).with_name("event_server.py")
SECRET = b"bench" * 8
KEYS = [api_key(SECRET, f"p{number:03}", 1).get_secret_value() for number in range(1, PEOPLE + 1)]
PATH = "/v1/chat/completions"
TURNS = 5
WRK_SECONDS = 3
STREAMS, STREAM_TURNS = 16, 8

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "inside",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 40}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 40, "total_tokens": 240},
    }
)
QUESTION = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "word " * 190}], "max_tokens": 40})
NGINX = """
worker_processes %(workers)s;
error_log /dev/stderr error;
pid /run/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 100000;
    %(inside)s
}
"""
UPSTREAM = f"server {{ listen 8000; default_type application/json; location / {{ return 200 '{ANSWER}'; }} }}"
BARE = """
upstream behind { server %s:8000; keepalive 64; }
server {
    listen 8080 backlog=4096;
    client_body_buffer_size 1m;
    location / {
        proxy_pass http://behind;
        proxy_http_version 1.1;
        proxy_set_header Connection '';
        proxy_buffering off;
    }
}
"""
SCRIPT = """
local keys, body, requests, turn = { %s }, %s, {}, 0
function init()
  for i, key in ipairs(keys) do
    requests[i] = wrk.format("POST", nil, { ["Authorization"] = "Bearer " .. key, ["Content-Type"] = "application/json" }, body)
  end
end
function request()
  turn = turn %% #requests + 1
  return requests[turn]
end
"""


@dataclass(frozen=True)
class Addresses:
    """Of the gateway and of the bare nginx, both in front of the same upstream."""

    gateway: str
    bare: str


def gateway_config(upstream: str) -> GatewayConfig:
    """Every feature on: keys, window, four limits that nobody reaches, two models, usage."""
    plenty = CallerLimits(1_000_000_000, 1_000, 1_000_000_000, 1_000_000_000_000)
    callers = tuple(
        Caller(id=f"p{number:03}", key_hashes=(fingerprint(key),), models=("chat", "other"))
        for number, key in enumerate(KEYS, start=1)
    )
    upstreams = tuple(Upstream(name, (Server(upstream, 8000),), "inside") for name in ("chat", "other"))
    models = tuple(RoutedModel(name, (name,), "vllm") for name in ("chat", "other"))
    return GatewayConfig("bench", "Bench", callers, models, upstreams, limits=plenty)


@pytest.fixture
def run_container(engine: docker.DockerClient) -> Iterator[Callable[..., str]]:
    """Start a container under a name on a network of their own; gives its address there. All go at the end."""
    labels = {"workshop.test": "1"}
    network = engine.networks.create(f"workshop-bench-{secrets.token_hex(4)}", labels=labels)
    started: list[Any] = []

    def run(image: str, command: Sequence[str], alias: str, volumes: dict[Path, str]) -> str:
        container = engine.containers.create(
            image,
            list(command),
            entrypoint="",
            labels=labels,
            volumes={str(path): {"bind": place, "mode": "ro"} for path, place in volumes.items()},
        )
        started.append(container)
        network.connect(container, aliases=[alias])
        container.start()
        container.reload()
        return str(container.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"])

    yield run
    for container in started:
        container.remove(force=True, v=True)
    network.remove()


@pytest.fixture
def start_pair(
    run_container: Callable[..., str], image: Callable[[Component], str], tmp_path: Path
) -> Callable[[str], Addresses]:
    """The gateway and a bare nginx in front of the container of that name."""

    def start(upstream: str) -> Addresses:
        folder = tmp_path / "gateway"
        folder.mkdir()
        for name, text in render_gateway(gateway_config(upstream)).items():
            (folder / name).write_text(text, encoding="utf-8")
        bare = tmp_path / "bare.conf"
        bare.write_text(NGINX % {"workers": "auto", "inside": BARE % upstream}, encoding="utf-8")
        nginx = image(Component.GATEWAY)
        found = Addresses(
            gateway=run_container(
                nginx, ["nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-g", "daemon off;"], "gateway", {folder: CONFIG_DIR}
            ),
            bare=run_container(nginx, ["nginx", "-c", "/bare.conf", "-g", "daemon off;"], "bare", {bare: "/bare.conf"}),
        )
        for address in (found.gateway, found.bare):
            wait_for(address)
        return found

    return start


def wait_for(address: str) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            asyncio.run(first_event(address, KEYS[0], QUESTION))
        except (OSError, asyncio.IncompleteReadError):
            assert time.monotonic() < end, f"{address} does not answer"
            time.sleep(0.1)
        else:
            return


def test_requests_and_added_time(
    start_pair: Callable[[str], Addresses],
    run_container: Callable[..., str],
    image: Callable[[Component], str],
    report: Report,
    tmp_path: Path,
) -> None:
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed: apt-get install wrk")
    upstream, script = tmp_path / "upstream.conf", tmp_path / "post.lua"
    upstream.write_text(NGINX % {"workers": 1, "inside": UPSTREAM}, encoding="utf-8")
    script.write_text(SCRIPT % (", ".join(f'"{key}"' for key in KEYS), json.dumps(QUESTION)), encoding="utf-8")
    nginx_command = ["nginx", "-c", "/upstream.conf", "-g", "daemon off;"]
    run_container(image(Component.GATEWAY), nginx_command, "upstream", {upstream: "/upstream.conf"})
    pair = start_pair("upstream")

    def load(address: str, connections: int) -> tuple[float, float]:
        """Requests per second, and the median time of one in µs."""
        threads = min(2, connections)
        command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{WRK_SECONDS}s", "--latency", "-s", str(script)]
        said = subprocess.run(
            [*command, f"http://{address}:{API_PORT}{PATH}"], check=True, capture_output=True, text=True
        ).stdout
        assert "Non-2xx" not in said, said
        assert "Socket errors" not in said, said
        return rate_and_median(said)

    for address in (pair.gateway, pair.bare):
        load(address, 32)  # caches and connections are warm from here
    many = [(load(pair.gateway, 32)[0], load(pair.bare, 32)[0]) for _ in range(TURNS)]
    one = [(load(pair.gateway, 1)[1], load(pair.bare, 1)[1]) for _ in range(TURNS)]
    report(
        "gateway, requests per second at 32 connections",
        "of bare nginx `proxy_pass`",
        [gateway / bare for gateway, bare in many],
        aim=0.4,
        more_is_better=True,
        beside=f"{medians(many, '.0f')} a second; LiteLLM and sglang-router, the floor, are not measured here",
    )
    report(
        "gateway, added p50 at one connection",
        "µs",
        [gateway - bare for gateway, bare in one],
        floor=120,
        aim=60,
        beside=f"{medians(one, '.0f')} µs",
    )


def test_time_to_first_token(
    start_pair: Callable[[str], Addresses],
    run_container: Callable[..., str],
    image: Callable[[Component], str],
    report: Report,
) -> None:
    run_container(image(Component.WEBUI), ["python3", "/engine.py"], "engine", {ENGINE: "/engine.py"})
    pair = start_pair("engine")
    question = json.dumps({**json.loads(QUESTION), "stream": True})

    def turn(address: str) -> float:
        """The median over 16 streams side by side, each asked several times, in ms."""
        return statistics.median(asyncio.run(streams(address, question))) * 1000

    turn(pair.gateway), turn(pair.bare)
    turns = [(turn(pair.gateway), turn(pair.bare)) for _ in range(2 * TURNS)]
    report(
        f"gateway, time to first token added at {STREAMS} streams",
        "ms",
        [gateway - bare for gateway, bare in turns],
        floor=1,
        aim=0,
        beside=f"{medians(turns, '.2f')} ms; the aim is no difference",
    )


async def streams(address: str, question: str) -> list[float]:
    async def one(key: str) -> list[float]:
        return [await first_event(address, key, question) for _ in range(STREAM_TURNS)]

    return [seconds for found in await asyncio.gather(*map(one, KEYS[:STREAMS])) for seconds in found]


async def first_event(address: str, key: str, question: str) -> float:
    """Seconds from the request to the first byte of the answer's body; reads the answer to its end.

    Raises ConnectionError for any answer but 200.
    """
    reader, writer = await asyncio.open_connection(address, API_PORT)
    try:
        head = f"POST {PATH} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n"
        sent = f"{head}Content-Type: application/json\r\nContent-Length: {len(question)}\r\n\r\n{question}"
        begun = time.perf_counter()
        writer.write(sent.encode())
        await writer.drain()
        answered = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answered.splitlines()[0]:
            raise ConnectionError(answered.decode())
        await reader.readexactly(1)
        seconds = time.perf_counter() - begun
        await reader.read()
    finally:
        writer.close()
    return seconds


def rate_and_median(said: str) -> tuple[float, float]:
    """From what wrk printed."""
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    median = re.search(r"50%\s+([0-9.]+)(us|ms|s)\n", said)
    assert rate, said
    assert median, said
    return float(rate[1]), float(median[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[median[2]]


def medians(pairs: Sequence[tuple[float, float]], form: str) -> str:
    gateway, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    return f"the gateway {gateway:{form}}, bare nginx {bare:{form}}"
