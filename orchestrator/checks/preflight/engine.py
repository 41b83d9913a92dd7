"""Docker on a host: the engine, Compose, the ports that it will publish, and its disks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.checks.preflight.facts import Amount, Disk, Facts, Needs
from orchestrator.checks.preflight.faults import host_holes, is_older
from orchestrator.checks.preflight.finding import Finding
from orchestrator.engines.size import GIB, gib
from orchestrator.fleet.docker_host import engine_trouble
from orchestrator.fleet.requirements import compose_problem, port_problem
from orchestrator.pins import LEAST

LEAST_FREE = 2 * GIB  # logs, layers, Open WebUI's data
PLENTY = 40 * GIB  # where not all sizes are known
NEWER_DOCKER = f"Take a newer one: Docker's own tools of version 29 speak to API {LEAST['docker-api']} and newer alone"
MAKE_ROOM = "Make room (docker system df shows what can go: docker system prune), or move Docker's data-root"


def docker(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:  # noqa: ARG001 - nobody needs more of it
    if facts.engine.version is None:
        yield Finding.of("docker", host, engine_trouble(host, facts.engine.said))
        return
    yield from host_holes(host, "engine", "docker", facts.engine.version)
    if is_older(facts.engine.version, LEAST["docker"]):
        what = f"Docker {facts.engine.version} is older than {LEAST['docker']}, and was not tried"
        yield Finding("docker", host, "warn", what, NEWER_DOCKER)
    else:
        yield Finding("docker", host, "ok", f"Docker {facts.engine.version}")


def compose(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:  # noqa: ARG001 - likewise
    if facts.engine.version is None:
        return
    problem = compose_problem(host, facts.engine.compose)
    yield from host_holes(host, "compose", "compose", facts.engine.compose or "")
    yield (
        Finding.of("compose", host, problem)
        if problem
        else Finding("compose", host, "ok", f"Compose {facts.engine.compose}")
    )


def ports(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    for port, field in needs.ports:
        holder = facts.engine.published.get(port)
        problem = port_problem(host, needs.workshop, holder, (port, field), busy=port in facts.busy)
        yield (
            Finding.of("ports", host, problem)
            if problem
            else Finding("ports", host, "ok", f"{field} {port} is {'its own' if holder else 'free'}")
        )


def disk(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Images and weights on the same disk are counted together."""
    engine = facts.engine
    if engine.images is None or engine.volumes is None:
        return
    missing = [image for image in needs.images if image.what not in facts.present]
    if engine.images.device == engine.volumes.device:
        yield _room(host, engine.volumes, [*missing, *needs.weights])
    else:
        yield _room(host, engine.images, missing)
        yield _room(host, engine.volumes, needs.weights)


def _room(host: str, at: Disk, needed: Sequence[Amount]) -> Finding:
    if at.free is None:
        what = f"{at.path} can't be seen from where docker is called"
        return Finding("disk", host, "unknown", what, f"Look on the engine's machine: df -h {at.path}")
    known = sum(amount.size for amount in needed if amount.size is not None)
    unknown = [amount.what for amount in needed if amount.size is None]
    what = f"{gib(at.free)} free at {at.path}"
    if known:
        what += f", {gib(known)} needed for what is not there yet"
    if at.free < known + LEAST_FREE:
        return Finding("disk", host, "problem", what, MAKE_ROOM)
    if unknown and at.free < known + PLENTY:
        sizes = "its size is" if len(unknown) == 1 else "their sizes are"
        remedy = f"Make sure that {', '.join(unknown)} fit beside it: {sizes} not known here"
        return Finding("disk", host, "unknown", what, remedy)
    return Finding("disk", host, "ok", what)
