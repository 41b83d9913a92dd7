"""Steps: the host may be used, and its containers are what the stack says. The Docker SDK reads, Ansible writes."""

from __future__ import annotations

import getpass
import io
import socket
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from orchestrator.errors import HostError, UserError, Where, WorkshopError
from orchestrator.fleet.compose import require_compose
from orchestrator.fleet.docker_host import ContainerState, connect_local
from orchestrator.fleet.ownership import Owner, as_variables, require_ownership
from orchestrator.fleet.playbook import HostResult, Target, run_playbook
from orchestrator.fleet.ports import require_free_ports
from orchestrator.plan.deployment import GATEWAY_SERVICE, WEBUI_SERVICE, Stack, project_name
from orchestrator.render.files import File
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.failures import refusals_explained
from orchestrator.workflow.difference import Difference, difference
from orchestrator.workflow.live import LOADED, cut_streams, rules_digest, standing_policy
from orchestrator.workflow.ready import ANSWERED
from orchestrator.workflow.remove import remove_stack
from orchestrator.workflow.run import Run

LOG = "ansible.log"


def look_at_host(run: Run) -> Run:
    """Docker answers, the name is ours, the ports are free. Nothing is changed before that."""
    host = only_host(run.spec)
    docker = connect_local(host)
    containers = docker.containers(run.spec.workshop.name)  # it answers
    require_compose(host)
    meta = run.state.begin(run.spec.workshop.name, run.spec.file)
    folder = stack_folder(run.settings, run.spec.workshop.name)
    run = replace(run, docker=docker)
    try:
        require_ownership(host, folder, meta.deployment_id, containers.values())
    except UserError:
        if not run.options.take_over:
            raise
        remove_stack(
            deployed_host(run.spec, host, folder),
            run.spec.workshop.name,
            docker,
            run.report,
            run.state.folder.logs / LOG,
        )
        run = run.changed(f"{host}: removed what was deployed there by another")
    require_free_ports(
        docker, run.spec.workshop.name, [(port, field) for field, port in run.spec.workshop.published.items()]
    )
    run.state.deployed.record_host(deployed_host(run.spec, host, folder))
    return run


def deploy(run: Run) -> Run:
    """Bring up what differs; an unchanged stack costs only the look."""
    workshop, folder = run.spec.workshop.name, stack_folder(run.settings, run.spec.workshop.name)
    for stack in run.planned.deployment.stacks:
        files = run.planned.files[stack.host.name]
        containers = run.engine_room.containers(workshop)
        loaded = run.state.deployed.applied(stack.host.name).get(LOADED)
        found = difference(stack, folder, files, containers, loaded)
        empty = _without_model(run, stack, containers)
        if found.is_empty and not empty:
            continue
        standing = standing_policy(folder)
        result = _apply(run, stack, folder, files, found, empty)
        run = replace(run.changed(*found.lines(stack.host.name)), notes=(*run.notes, *result.notes))
        if result.failed:
            raise HostError(
                "deploy_failed",
                result.failed,
                where=Where(host=stack.host.name),
                hint=f"Details: {run.state.folder.logs / LOG}; then run the same command again",
            )
        if stack.gateway:
            run.state.deployed.record_applied(stack.host.name, LOADED, rules_digest(files))
        if found.reloads_gateway:
            cut_streams(run.engine_room, containers[GATEWAY_SERVICE].id, standing, standing_policy(folder))
    return run


def only_host(spec: Spec) -> str:
    """The name of this machine in the spec. Raises UserError `remote_hosts` where the spec names others."""
    if spec.workshop.practice:
        return "here"
    for index, host in enumerate(spec.workshop.hosts):
        if not host.is_local:
            message = f"{host.name} is reached over SSH, which this version plans and renders, but does not deploy yet"
            raise spec.problem(("hosts", index), "remote_host", message, "Use address: localhost, or practice: true")
    if len(spec.workshop.hosts) > 1:
        raise spec.problem(("hosts",), "remote_host", "two hosts are both this machine", "Give one host all roles")
    return spec.workshop.hosts[0].name


def stack_folder(settings: Settings, workshop: str) -> Path:
    return settings.stack_dir / project_name(workshop)


def deployed_host(spec: Spec, host: str, folder: Path) -> DeployedHost:
    return DeployedHost(name=host, project=project_name(spec.workshop.name), folder=PurePosixPath(folder))


def _without_model(run: Run, stack: Stack, containers: Mapping[str, ContainerState]) -> frozenset[str]:
    """Engines that are given their model while they run, and have not answered since they were made."""
    answered = run.state.deployed.applied(ANSWERED)
    return frozenset(
        b.service
        for b in stack.backends
        if b.fetch and b.fetch.after_start and b.service in containers
        if not answered.get(b.service, "").startswith(containers[b.service].id)
    )


def _apply(
    run: Run, stack: Stack, folder: Path, files: Mapping[str, File], found: Difference, empty: frozenset[str]
) -> HostResult:
    archive = run.state.folder.rendered / f".{stack.host.name}.tar"
    meta = run.state.meta
    if meta is None:
        raise WorkshopError("deploying comes after the workshop was begun")
    owner = Owner(
        run.spec.workshop.name, meta.deployment_id, f"{getpass.getuser()}@{socket.gethostname()}", str(run.spec.file)
    )
    new = {*found.create, *found.recreate, *found.start, *found.restart}  # one that is down may lack its weights
    variables = {
        "project": stack.project,
        "stack_folder": str(folder),
        "archive": str(archive),
        "owner": as_variables(owner),
        "stale": list(found.stale),
        "restart": list(found.restart),
        "front": [name for name, here in ((GATEWAY_SERVICE, stack.gateway), (WEBUI_SERVICE, stack.webui)) if here],
        "engines": [backend.service for backend in stack.backends],
        "start_seconds": max((backend.container.start_seconds for backend in stack.backends), default=0),
        "fetch": [
            f"fetch-{b.service}" for b in stack.backends if b.fetch and not b.fetch.after_start and b.service in new
        ],
        "put": [
            f"fetch-{b.service}" for b in stack.backends if b.fetch and b.fetch.after_start and b.service in new | empty
        ],
    }
    needed = {name for name in ("stale", "restart", "front", "engines", "fetch", "put") if variables[name]}
    needed |= ({"files"} if found.files else set()) | ({"reload"} if found.reloads_gateway else set())
    with refusals_explained(archive):
        write_archive(archive, files)
    try:
        target = Target(stack.host.name, variables=variables)
        results = run_playbook(
            "provision.yml", [target], run.report.say, run.state.folder.logs / LOG, sorted(needed) or ["always"]
        )
    finally:
        archive.unlink(missing_ok=True)
    return results[stack.host.name]


def write_archive(path: Path, files: Mapping[str, File]) -> None:
    """A tar that unpacks to exactly these files; private, for it holds secrets.

    They carry the time: nginx keeps a certificate over a reload while the file's time and inode are the same.
    """
    now = int(time.time())
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    with tarfile.open(path, "w") as archive:
        for name, file in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, now
            archive.addfile(entry, io.BytesIO(file.content))
