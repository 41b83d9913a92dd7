"""What stands before the model servers in the gateway's bench, each in containers of its own on one network.

Two models: `chat` is answered at once by an nginx (ports 8000 and 8001), `events` is streamed by event_server.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import api_key, fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import API_PORT, CONFIG_DIR, GatewayConfig, RoutedModel, Server, Upstream, start_command
from orchestrator.render.gateway import render_gateway

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.models.networks import Network

PEOPLE = 200
KEYS = tuple(api_key(b"bench" * 8, f"p{number:03}", 1).get_secret_value() for number in range(1, PEOPLE + 1))
SERVERS = {"chat": ("upstream:8000", "upstream:8001"), "events": ("engine:8000",)}
EVENT_SERVER = Path(__file__).with_name("event_server.py")
MASTER_KEY = "sk-bench"
WORKERS = "auto"  # nginx's: one for each core, for the gateway and the bare one alike

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
UPSTREAM = """server {
    listen 8000;
    listen 8001;
    default_type application/json;
    location / { return 200 '%s'; }
}"""
BARE = """
upstream behind { least_conn; %s keepalive 64; }
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


@dataclass(frozen=True)
class Target:
    """One way to the models; for some each model needs a container of its own."""

    name: str
    containers: dict[str, Container]  # by model
    addresses: dict[str, str]  # HOST:PORT by model
    keys: tuple[str, ...] = KEYS


@dataclass
class Bed:
    """The network, which leads nowhere else, and what was started on it."""

    engine: docker.DockerClient
    network: Network
    folder: Path
    started: list[Container] = field(default_factory=list)

    def run(
        self, image: str, command: Sequence[str], volumes: dict[Path, str], alias: str = "", **environment: str
    ) -> tuple[Container, str]:
        """A container and its address on the network."""
        endpoint = self.engine.api.create_endpoint_config(aliases=[alias] if alias else [])
        container = self.engine.containers.run(
            image,
            list(command),
            detach=True,
            entrypoint="",
            environment=environment,
            healthcheck={"test": ["NONE"]},
            labels={"workshop.test": "1"},
            network=self.network.name,
            networking_config={str(self.network.name): endpoint},
            volumes={str(path): {"bind": place, "mode": "ro"} for path, place in volumes.items()},
        )
        self.started.append(container)
        container.reload()
        return container, str(container.attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"])

    def nginx(self, image: str, name: str, inside: str, workers: int | str) -> tuple[Container, str]:
        path = self.folder / f"{name}.conf"
        path.write_text(NGINX % {"workers": workers, "inside": inside}, encoding="utf-8")
        return self.run(image, ["nginx", "-c", "/nginx.conf", "-g", "daemon off;"], {path: "/nginx.conf"}, name)

    def remove(self) -> None:
        for container in self.started:
            container.remove(force=True, v=True)
        self.network.remove()


def direct(bed: Bed, nginx: str, python: str) -> Target:
    """The model servers themselves, without anything before them."""
    upstream, address = bed.nginx(nginx, "upstream", UPSTREAM % ANSWER, 1)
    engine, other = bed.run(python, ["python3", "/engine.py"], {EVENT_SERVER: "/engine.py"}, "engine")
    addresses = {"chat": f"{address}:8000", "events": f"{other}:8000"}
    return Target("direct", {"chat": upstream, "events": engine}, addresses)


def bare(bed: Bed, nginx: str) -> Target:
    def start(model: str) -> tuple[Container, str]:
        servers = " ".join(f"server {server};" for server in SERVERS[model])
        return bed.nginx(nginx, f"bare-{model}", BARE % servers, WORKERS)

    return _for_each_model("bare nginx", start)


def this_gateway(bed: Bed, nginx: str) -> Target:
    folder = bed.folder / "gateway"
    folder.mkdir()
    for name, text in render_gateway(gateway_config()).items():
        (folder / name).write_text(text, encoding="utf-8")
    return _for_all_models("this gateway", *bed.run(nginx, start_command(), {folder: CONFIG_DIR}))


def gateway_config() -> GatewayConfig:
    """Every feature on: keys, limits by caller and by model that nobody reaches, balancing, health checks, usage."""
    plenty = CallerLimits(1_000_000_000, 1_000, 1_000_000_000, 1_000_000_000_000)
    callers = tuple(
        Caller(id=f"p{number:03}", key_hashes=(fingerprint(key),), models=tuple(SERVERS))
        for number, key in enumerate(KEYS, start=1)
    )
    upstreams = tuple(Upstream(name, tuple(map(_server, servers)), "inside") for name, servers in SERVERS.items())
    models = tuple(RoutedModel(name, (name,), "vllm", limits=plenty) for name in SERVERS)
    return GatewayConfig("bench", "Bench", callers, models, upstreams, limits=plenty)


def litellm(bed: Bed, python: str, packages: Path) -> Target:
    """Its proxy: one worker, a master key, no database."""
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": "openai/inside", "api_base": f"http://{server}/v1", "api_key": "none"},
        }
        for name, servers in SERVERS.items()
        for server in servers
    ]
    config = bed.folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": MASTER_KEY}}))
    command = ["python3", "/packages/bin/litellm", "--config", "/config.yaml", "--port", str(API_PORT)]
    started = bed.run(
        python,
        [*command, "--num_workers", "1", "--telemetry", "False"],
        {config: "/config.yaml", packages: "/packages"},
        PYTHONPATH="/packages",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    return _for_all_models("LiteLLM", *started, keys=(MASTER_KEY,))


def sglang_router(bed: Bed, python: str, packages: Path) -> Target:
    """Without its key check: with it, it sends its own and the caller's key on, and nginx refuses the two headers."""

    def start(model: str) -> tuple[Container, str]:
        command = ["python3", "-m", "sglang_router.launch_router", "--host", "0.0.0.0", "--port", str(API_PORT)]  # noqa: S104
        servers = [f"http://{server}" for server in SERVERS[model]]
        command += ["--worker-urls", *servers, "--policy", "round_robin", "--log-level", "warn"]
        return bed.run(python, command, {packages: "/packages"}, PYTHONPATH="/packages")

    return _for_each_model("sglang-router", start)


def _for_each_model(name: str, start: Callable[[str], tuple[Container, str]]) -> Target:
    started = {model: start(model) for model in SERVERS}
    containers = {model: container for model, (container, _) in started.items()}
    return Target(name, containers, {model: f"{address}:{API_PORT}" for model, (_, address) in started.items()})


def _for_all_models(name: str, container: Container, address: str, **other: Any) -> Target:
    addresses = dict.fromkeys(SERVERS, f"{address}:{API_PORT}")
    return Target(name, dict.fromkeys(SERVERS, container), addresses, **other)


def _server(address: str) -> Server:
    host, _, port = address.partition(":")
    return Server(host, int(port), address, health="/health")
