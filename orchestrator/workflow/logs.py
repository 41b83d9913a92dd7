"""The logs of one service, or of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.spelling import did_you_mean, nearest
from orchestrator.workflow.context.hosts import open_fleet


@dataclass(frozen=True, slots=True)
class Logs:
    texts: Mapping[str, str]  # by service; where two hosts have one of that name, SERVICE@HOST
    problems: tuple[UserError, ...]  # hosts that did not answer


def logs(spec: Spec, settings: Settings, wanted: Sequence[str], tail: int) -> Logs:
    """The last `tail` lines of each; `wanted` are services or models, none: all.

    Raises UserError `unknown_service`, and what is wrong with the hosts where none answers.
    """
    with open_fleet(spec, settings) as fleet:
        found, failed = fleet.each(lambda machine: machine.docker.containers(spec.workshop.name))
        if failed and not found:
            raise next(iter(failed.values()))
        named = dict(_named(found))
        known = {*named, *(state.service for _, state in named.values())}
        known |= {state.model for _, state in named.values() if state.model}
        if not failed:  # it may be on a host that does not answer
            _require_known(wanted, known, sorted(named), next(iter(fleet)))
        chosen = {
            name: at
            for name, at in sorted(named.items())
            if not wanted or {name, at[1].service, at[1].model} & set(wanted)
        }
        texts = {name: fleet[host].docker.logs(state.id, tail) for name, (host, state) in chosen.items()}
    return Logs(texts, tuple(failed.values()))


def _named(found: Mapping[str, Mapping[str, ContainerState]]) -> Iterator[tuple[str, tuple[str, ContainerState]]]:
    often = Counter(service for containers in found.values() for service in containers)
    for host, containers in found.items():
        for service, state in containers.items():
            yield (service if often[service] == 1 else f"{service}@{host}"), (host, state)


def _require_known(wanted: Sequence[str], known: set[str], services: Sequence[str], host: str) -> None:
    for name in wanted:
        if name not in known:
            hint = did_you_mean(nearest(name, known)) or f"There are: {', '.join(services) or 'none'}"
            message = f"nothing of this workshop is named {name!r}"
            raise UserError("unknown_service", message, where=Where(host=host), hint=hint)
