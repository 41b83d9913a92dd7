"""Who can't be reached: no engine from outside or from Open WebUI, no counters of the gateway from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import urlsplit

from orchestrator.checks.asking import Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.inside import way_to
from orchestrator.checks.silence import Silence
from orchestrator.checks.subject import EdgeUnderTest, EngineUnderTest, Subject
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.plan.edges import EDGE_PORT
from orchestrator.plan.gateway import ADMIN_PORT, API_PORT, INTERNAL_PORT, METRICS_PORT, WEBUI_PORT

CONNECT, SECONDS = 1, 2  # a packet that is dropped is never answered, and this machine is near
FOR_PARTICIPANTS = {f"{API_PORT}/tcp", f"{WEBUI_PORT}/tcp"}
FOR_THE_HOST, LOOPBACK = {f"{METRICS_PORT}/tcp"}, "127.0.0.1"  # for a Prometheus that runs there
NOT_REACHED = {6: "no such name", 7: "no way there", 28: "no answer"}  # curl's exit codes
UNPUBLISHED = "no port published"
UNREACHED = "not reached"
REFUSED = "403"
INSIDE = "From inside Open WebUI"


def lanes(subject: Subject, outside: Server) -> Iterator[Lane]:
    """`outside` is the gateway's host at the admin port."""
    yield (_counters(outside),)
    docker, webui = subject.docker, subject.webui_container
    if docker is None:
        return
    if subject.gateway_container is not None:
        yield (_gateway_publishes(docker, subject.gateway_container),)
    for engine in subject.engines:
        yield (published(engine.docker or docker, f"engine {engine.service}", engine.container),)
    for edge in subject.edges:
        yield (_edge_publishes(edge),)
    if webui is None:
        return
    yield (published(docker, "Open WebUI", webui),)
    yield (the_probe_works(docker, webui),)
    for engine in subject.engines:
        if engine.docker is None:  # the others' addresses are those of another network
            yield (from_inside(docker, webui, engine),)
    for edge in subject.edges:
        yield (edge_from_inside(docker, webui, edge),)
    yield (counters_from_inside(docker, webui),)


def admin_address(api: str) -> str:
    """The gateway's host, as outsiders name it, at the admin port."""
    host = urlsplit(api).hostname or ""
    return f"http://[{host}]:{ADMIN_PORT}" if ":" in host else f"http://{host}:{ADMIN_PORT}"


def published_ports(container: dict[str, Any], *, meant: AbstractSet[str] = frozenset()) -> list[str]:
    """What a container (as `docker inspect` tells it) opens on its host, but for its ports that are `meant` to be."""
    host = container["HostConfig"]
    if host.get("NetworkMode") == "host":
        return ["all: it shares the host's network"]
    bindings = [host.get("PortBindings") or {}, container["NetworkSettings"].get("Ports") or {}]
    found = {
        f"{inside} as {at.get('HostIp') or '*'}:{at.get('HostPort')}"
        for ports in bindings
        for inside, places in ports.items()
        if inside not in meant
        for at in places or ()
        if not (inside in FOR_THE_HOST and at.get("HostIp") == LOOPBACK)
    }
    return sorted(found | ({"all that the image exposes"} if host.get("PublishAllPorts") else set()))


def _gateway_publishes(docker: DockerHost, container: str) -> Question:
    def ask() -> Outcome:
        found = published_ports(inspect(docker, container), meant=FOR_PARTICIPANTS)
        return Outcome(not found, f"published: {', '.join(found)}" if found else "those and no more")

    return Question("Ports on the host", "gateway", "those for participants", ask)


def _edge_publishes(edge: EdgeUnderTest) -> Question:
    def ask() -> Outcome:
        found = published_ports(inspect(edge.docker, edge.container), meant={f"{EDGE_PORT}/tcp"})
        return Outcome(not found, f"published: {', '.join(found)}" if found else "its own")

    return Question("Ports on the host", f"edge of {edge.host}", "its own", ask)


def published(docker: DockerHost, who: str, container: str) -> Question:
    """That none is."""

    def ask() -> Outcome:
        found = published_ports(inspect(docker, container))
        return Outcome(not found, f"published: {', '.join(found)}" if found else UNPUBLISHED)

    return Question("Ports on the host", who, UNPUBLISHED, ask)


def from_inside(
    docker: DockerHost, webui: str, engine: EngineUnderTest, name: str = INSIDE, whose: str = "engine"
) -> Question:
    """By name and by number: a network that only hides names is open."""

    def ask() -> Outcome:
        networks = inspect(docker, engine.container)["NetworkSettings"]["Networks"] or {}
        addresses = [network["IPAddress"] for network in networks.values() if network.get("IPAddress")]
        return unreached(docker, webui, [f"http://{host}:{engine.port}/" for host in (engine.service, *addresses)])

    return Question(name, f"{whose} {engine.service}", UNREACHED, ask)


def edge_from_inside(docker: DockerHost, webui: str, edge: EdgeUnderTest, name: str = INSIDE) -> Question:
    """Without the gateway's certificate, and with any trust: what counts is what the edge says."""

    def ask() -> Outcome:
        way = way_to(edge.server, edge.server.health or "/", as_gateway=False)
        status, answer = _curl(docker, webui, way.url, *way.options)
        if status == 0:
            return Outcome(answer == REFUSED, f"answered {answer}")
        return Outcome(status in NOT_REACHED, _not_asked(status, answer))

    return Question(name, f"edge of {edge.host}", f"answered {REFUSED}", ask)


def counters_from_inside(docker: DockerHost, webui: str, name: str = INSIDE) -> Question:
    """Those of all participants; nobody may ask for them over the network."""

    def ask() -> Outcome:
        return unreached(docker, webui, [f"http://{GATEWAY_SERVICE}:{ADMIN_PORT}/counters"])

    return Question(name, "the gateway's counters", UNREACHED, ask)


def the_probe_works(docker: DockerHost, webui: str, name: str = INSIDE) -> Question:
    """Without this, a container without any network would prove that everything is closed."""

    def ask() -> Outcome:
        status, answer = _curl(docker, webui, f"http://{GATEWAY_SERVICE}:{INTERNAL_PORT}/healthz")
        return Outcome(status == 0, "reached" if status == 0 else _not_asked(status, answer))

    return Question(name, "gateway", "reached", ask)


def unreached(docker: DockerHost, container: str, urls: list[str]) -> Outcome:
    """Whether none of them answers from within that container."""
    for url in urls:
        status, answer = _curl(docker, container, url)
        if status not in NOT_REACHED:
            got = f"{url} answered {answer}" if status == 0 else _not_asked(status, answer)
            return Outcome(ok=False, got=got)
    return Outcome(ok=True, got=UNREACHED)


def _curl(docker: DockerHost, container: str, url: str, *options: str) -> tuple[int, str]:
    """Exit code, HTTP status."""
    waits = ["--connect-timeout", str(CONNECT), "-m", str(SECONDS)]
    command = ["curl", "-s", "--noproxy", "*", *options, *waits, "-o", "/dev/null", "-w", "%{http_code}", url]
    return docker.ask(container, command)


def _not_asked(status: int, answer: str) -> str:
    if status in {126, 127}:
        return "could not be asked: the image has no curl"
    return NOT_REACHED.get(status, f"a connection, then trouble (curl: {status}, HTTP {answer})")


def inspect(docker: DockerHost, container: str) -> dict[str, Any]:
    """As `docker inspect` tells it."""
    with docker.explained():
        found: dict[str, Any] = docker.client.api.inspect_container(container)
    return found


def _counters(outside: Server) -> Question:
    """Something else may well listen on that port of the host: only the counters themselves are a leak."""

    def ask() -> Outcome:
        try:
            answer = outside.get("/counters", None)
        except Silence as silence:
            return Outcome(ok=True, got=f"{UNREACHED}: {silence}")
        leaked = _are_counters(answer.text)
        return Outcome(not leaked, "the counters" if leaked else f"something else: {answer.status}")

    return Question("The gateway's counters", outside.url, UNREACHED, ask)


def _are_counters(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and any(isinstance(each, dict) and "in_flight" in each for each in found.values())
