"""What engines say of themselves, read through the gateway's container: who waits, who is computed, how full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.checks.rehearsal.values import Backend, Glance, Queue
from orchestrator.engines.registry import all_engines
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import DockerHost

_TOLD = tuple(engine.metrics for engine in all_engines().values() if engine.metrics)
WAITING, RUNNING = tuple(one.waiting for one in _TOLD), tuple(one.running for one in _TOLD)
CACHE = tuple(name for one in _TOLD for name in one.cache)
MARK = "@@workshop"
SECONDS = 2  # for one engine


class Engines:
    """The engines of a workshop, seen from inside its gateway's container."""

    def __init__(self, docker: DockerHost, gateway: str, backends: Sequence[Backend]) -> None:
        self.backends = tuple(backends)
        self._docker, self._gateway = docker, gateway

    def look(self, at: float) -> tuple[Glance, ...]:
        """Nothing where nobody tells: a rehearsal does not end for that."""
        if not self.backends:
            return ()
        try:
            _, output = self._docker.ask(self._gateway, command(self.backends))
        except UserError:
            return ()
        return tuple(glances(output, self.backends, at))


def command(backends: Sequence[Backend]) -> list[str]:
    """One curl for all of them, one after the other; each answer ends with a mark."""
    options = [option for backend in backends for option in backend.options]
    urls = [backend.metrics for backend in backends]
    return ["curl", "-s", "--noproxy", "*", *options, "-m", str(SECONDS), "-w", f"\n{MARK} %{{http_code}}\n", *urls]


def glances(output: str, backends: Sequence[Backend], at: float) -> Iterator[Glance]:
    """Of those that told both who waits and who is computed. The answers are in the order of the backends."""
    for backend, text in zip(backends, _answers(output), strict=False):
        found = totals(text)
        waiting, running = _first(found, WAITING), _first(found, RUNNING)
        if waiting is not None and running is not None:
            yield Glance(at, backend.name, waiting, running, _first(found, CACHE))


def totals(text: str) -> dict[str, float]:
    """Prometheus' text form: the value of each metric, summed over its labels."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.partition("{")
        if value:
            value = value.rpartition("}")[2]
        else:
            name, _, value = line.partition(" ")
        fields = value.split()
        if line.startswith("#") or not fields:
            continue
        try:
            found[name] = found.get(name, 0.0) + float(fields[0])
        except ValueError:
            continue
    return found


def queues(seen: Iterable[Glance], backends: Sequence[Backend], began: float, seconds: float) -> tuple[Queue, ...]:
    """What each backend had to do from `began` on, for so many seconds."""
    within = [glance for glance in seen if began <= glance.at <= began + seconds]
    return tuple(
        _queue(backend, [glance for glance in within if glance.backend == backend.name]) for backend in backends
    )


def _queue(backend: Backend, seen: Sequence[Glance]) -> Queue:
    if not seen:
        return Queue(backend)
    waiting = [glance.waiting for glance in seen]
    cache = [glance.cache for glance in seen if glance.cache is not None]
    return Queue(
        backend,
        waiting_max=max(waiting),
        waiting_mean=sum(waiting) / len(waiting),
        running_max=max(glance.running for glance in seen),
        cache_max=max(cache) if cache else None,
    )


def _answers(output: str) -> Iterator[str]:
    """The body of each answer; empty where it was not a 200."""
    body: list[str] = []
    for line in output.splitlines():
        if line.startswith(MARK):
            yield "\n".join(body) if line == f"{MARK} 200" else ""
            body = []
        else:
            body.append(line)


def _first(found: dict[str, float], names: Sequence[str]) -> float | None:
    return next((found[name] for name in names if name in found), None)
