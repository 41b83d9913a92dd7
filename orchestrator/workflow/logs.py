"""The logs of one service, or of all."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import connect_local
from orchestrator.spec.loader import Spec
from orchestrator.spelling import did_you_mean, nearest
from orchestrator.workflow.deploy import only_host


def logs(spec: Spec, wanted: Sequence[str], tail: int) -> dict[str, str]:
    """Service -> its last `tail` lines; `wanted` are services or models, none: all.

    Raises UserError `unknown_service`.
    """
    host = only_host(spec)
    docker = connect_local(host)
    containers = docker.containers(spec.workshop.name)
    known = set(containers) | {state.model for state in containers.values() if state.model}
    for name in wanted:
        if name not in known:
            hint = did_you_mean(nearest(name, known)) or f"There are: {', '.join(sorted(containers)) or 'none'}"
            raise UserError(
                "unknown_service", f"nothing of this workshop is named {name!r}", where=Where(host=host), hint=hint
            )
    chosen = [state for state in containers.values() if not wanted or state.service in wanted or state.model in wanted]
    return {state.service: docker.logs(state.id, tail) for state in sorted(chosen, key=lambda state: state.service)}
