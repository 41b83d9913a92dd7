"""Takes a workshop off a host and looks what is left."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import HostError, Where
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.ownership import owner_file
from orchestrator.fleet.playbook import Target, run_playbook
from orchestrator.state.deployed import DeployedHost
from orchestrator.workflow.run import Report


def remove_stack(
    host: DeployedHost, workshop: str, docker: DockerHost, report: Report, log: Path, *, keep_weights: bool = False
) -> None:
    """Containers, networks, volumes and files. Raises HostError `teardown_failed`."""
    kept = docker.weights(workshop) if keep_weights else frozenset()
    volumes = [name for name in docker.leftovers(workshop).volumes if name not in kept]
    variables = {"project": host.project, "stack_folder": str(host.folder), "volumes": volumes}
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    result = run_playbook("teardown.yml", [Target(host.name, variables=variables)], report.say, log)[host.name]
    if result.failed:
        hint = "Run the same command again; what is already gone stays gone"
        raise HostError("teardown_failed", result.failed, where=Where(host=host.name), hint=hint)


def left_on(host: DeployedHost, workshop: str, docker: DockerHost, *, keep_weights: bool = False) -> tuple[str, ...]:
    """What still carries the workshop's label, or lies in its folder: the proof, when it is empty."""
    kept = docker.weights(workshop) if keep_weights else frozenset()
    found = [f"{host.name}: {line}" for line in docker.leftovers(workshop) if line.removeprefix("volume ") not in kept]
    folder = Path(host.folder)
    lying = [path for path in (folder, owner_file(folder)) if path.exists()]
    return (*found, *(f"{host.name}: {path}" for path in lying))
