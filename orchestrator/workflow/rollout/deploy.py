"""Step: on every host the containers are what its stack says. The Docker SDK reads, Ansible writes."""

from __future__ import annotations

import inspect
import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from orchestrator.aside import folder_aside
from orchestrator.errors import HostError, Where, WorkshopError
from orchestrator.fleet.disk_room import require_room
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.gateway_admin import GatewayAdmin
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.ownership import Owner, as_variables
from orchestrator.fleet.playbook import Target, run_playbook
from orchestrator.fleet.playbook_events import HostResult
from orchestrator.fleet.scripts import rules
from orchestrator.fleet.scripts.rules import OVERTAKEN
from orchestrator.plan.deployment import GATEWAY_SERVICE, WEBUI_SERVICE, Backend, Stack
from orchestrator.render.files import Files
from orchestrator.spec.kept import KeptSpec
from orchestrator.state.failures import refusals_explained
from orchestrator.state.lock import people_lock, who_is_here
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.live import (
    LOADED,
    TRIES,
    bring_into_effect,
    cut_streams,
    prints_digest,
    rules_digest,
)
from orchestrator.workflow.gateway.standing import PATH as POLICY_PATH
from orchestrator.workflow.gateway.standing import rules_there, standing_policy
from orchestrator.workflow.rollout.difference import Difference, difference
from orchestrator.workflow.rollout.drain import resting
from orchestrator.workflow.rollout.leave import leaving_engines
from orchestrator.workflow.rollout.look import LOG, require_newest_state
from orchestrator.workflow.rollout.ready import ANSWERED
from orchestrator.workflow.rollout.render import render
from orchestrator.workflow.weights.fetch import fetch_weights
from orchestrator.workflow.weights.on_hosts import missing_on_hosts

# Variables that ask for tasks.
ARCHIVES = ".archives"  # in the rendered folder, while they are copied to hosts
TAGS = ("files", "reload", "stale", "restart", "networks", "front", "batches", "engines", "put")


@dataclass(frozen=True, slots=True)
class _Work:
    """What one host needs."""

    stack: Stack
    files: Files
    found: Difference
    empty: frozenset[str]  # engines that are given their model while they run, and have none yet
    containers: Mapping[str, ContainerState]
    networks: tuple[str, ...] = ()  # that are no longer wanted

    @property
    def is_nothing(self) -> bool:
        return self.found.is_empty and not self.empty


def deploy(run: Run) -> Run:
    """Bring up what differs, on all hosts at once; an unchanged stack costs only the look."""
    stacks = {stack.host.name: stack for stack in run.planned.deployment.stacks}
    works, failed = run.fleet.each(
        lambda machine: _compare(run, machine, stacks[machine.name]), [name for name in run.standing if name in stacks]
    )
    run = run.without(failed)
    works = {name: work for name, work in works.items() if not work.is_nothing}
    if not works:
        return in_force(run)
    missing = missing_on_hosts(run, {name: _starting(work) for name, work in works.items()})
    fetched = fetch_weights(run, {name: _without_weights(work, missing.lacking) for name, work in works.items()})
    run = replace(run.changed(*fetched.changes), notes=(*run.notes, *missing.notes, *fetched.notes))
    front = works.get(run.front_name)
    standing = standing_policy(rules_there(run.front)) if front and front.found.reloads else None
    stopping = {name for work in works.values() for name in work.found.stopping} | set(leaving_engines(run))
    with resting(_gateway(run, works), stopping, run.state.drained.all(), run.report.say) as cut:
        run, results = _apply(run, works, fetched.lacking | missing.lacking)
    run = replace(run, notes=(*run.notes, *cut))
    for name, result in results.items():
        run = replace(run.changed(*works[name].found.lines(name)), notes=(*run.notes, *result.notes))
    log = f"Details: {run.state.folder.logs / LOG}; then run the same command again"
    run = run.without(
        {
            name: HostError("deploy_failed", result.failed, where=Where(host=name), hint=log)
            for name, result in results.items()
            if result.failed
        }
    )
    for name in works:
        nginx = works[name].stack.nginx
        if nginx and name != run.front_name and name not in run.failed_hosts:
            run.state.deployed.record_applied(name, LOADED, rules_digest(run.planned.files[name], nginx))
    if front:
        there = rules_there(run.front)  # a command may have changed people since they were put there
        run.state.deployed.record_applied(run.front_name, LOADED, prints_digest(there.files))
        if front.found.reloads:
            gateway = front.containers[GATEWAY_SERVICE].id
            cut_streams(run.front.docker, gateway, standing, standing_policy(there))
    return in_force(run)


def in_force(run: Run) -> Run:
    """Notes what commands on the running class go by from now on; makes up for people who were changed meanwhile."""
    run.state.spec.keep(KeptSpec.of(run.spec), run.planned.gateway.native)
    return with_late_changes(run)


def with_late_changes(run: Run) -> Run:
    """What commands changed of people since the policy was rendered, and may not have reached a gateway not yet up."""
    if run.state.changes.revision == run.planned.gateway.revision:
        return run
    with people_lock(run.state.folder):
        notes = bring_into_effect(run.spec, run.state, run.front, people=run.people)
    return replace(run, notes=(*run.notes, *notes))


def _gateway(run: Run, works: Mapping[str, _Work]) -> GatewayAdmin | None:
    """The running gateway; None where it does not run, or stops too."""
    if run.front_name in works and GATEWAY_SERVICE in works[run.front_name].found.stopping:
        return None
    container = run.front.docker.container(run.spec.workshop.name, GATEWAY_SERVICE)
    return GatewayAdmin(run.front.docker, container.id) if container and container.is_up else None


def _compare(run: Run, machine: Machine, stack: Stack) -> _Work:
    files = run.planned.files[machine.name]
    containers = machine.docker.containers(run.spec.workshop.name)
    there = machine.stack(files["compose.yaml"].content.decode())
    loaded = run.state.deployed.applied(machine.name).get(LOADED)
    found = difference(stack, files, there, containers, loaded)
    work = _Work(stack, files, found, _without_model(run, stack, containers), containers)
    if work.is_nothing:
        return work
    require_room(machine, 2 * sum(len(file.content) for file in files.values()))  # the archive, and what becomes of it
    networks = machine.docker.leftovers(run.spec.workshop.name).networks
    return replace(work, networks=tuple(name for name in networks if name not in stack.networks))


def _without_model(run: Run, stack: Stack, containers: Mapping[str, ContainerState]) -> frozenset[str]:
    """Engines that are given their model while they run, and have not answered since they were made."""
    answered = run.state.deployed.applied(ANSWERED)
    return frozenset(
        b.service
        for b in stack.backends
        if b.fetch and b.fetch.after_start and b.service in containers
        if not answered.get(b.service, "").startswith(containers[b.service].id)
    )


def _apply(run: Run, works: Mapping[str, _Work], lacking: frozenset[str]) -> tuple[Run, dict[str, HostResult]]:
    """With the people of this moment: commands may change them at any time, and what they wrote must stand."""
    results: dict[str, HostResult] = {}
    for _ in range(TRIES):
        run, works, policy = _seen_now(run, works)
        results |= _play(run, works, lacking, policy)
        front = results.get(run.front_name)
        if front is None or OVERTAKEN not in (front.failed or ""):
            break
        works = {run.front_name: works[run.front_name]}
    return run, results


def _seen_now(run: Run, works: Mapping[str, _Work]) -> tuple[Run, Mapping[str, _Work], dict[str, str]]:
    """The gateway's files with whoever takes part now, and what the playbook must find there to put it in place.

    Looked at in this order: who is changed after it is found by the playbook, and looked at in the next turn.
    """
    if run.front_name not in works:
        return run, works, {}
    there = rules_there(run.front)
    require_newest_state(run, there)
    if run.state.changes.revision != run.planned.gateway.revision:
        run = render(run)
        works = {**works, run.front_name: _compare(run, run.front, works[run.front_name].stack)}
    before = there.files.get(POLICY_PATH)
    return (
        run,
        works,
        {
            "script": f"{inspect.getsource(rules)}\nimport sys\nput(*sys.argv[1:])\n",
            "aside": str(run.front.folder / _aside(POLICY_PATH)),
            "path": str(run.front.folder / POLICY_PATH),
            "before": before.sha256 if before else "",
        },
    )


def _play(
    run: Run, works: Mapping[str, _Work], lacking: frozenset[str], policy: Mapping[str, str]
) -> dict[str, HostResult]:
    with folder_aside(run.state.folder.rendered / ARCHIVES) as archives:
        targets: list[Target] = []
        tags = {"always"}
        for name, work in works.items():
            archive = archives / f"{name}.tar"
            with refusals_explained(archive):
                write_archive(archive, work.files)
            targets.append(_target(run, work, archive, lacking, policy))
            tags |= {name for name in TAGS if targets[-1].variables[name]}
        return run_playbook("provision.yml", targets, run.report.say, run.state.folder.logs / LOG, sorted(tags))


def _aside(path: str) -> str:
    at = PurePosixPath(path)
    return str(at.with_name(f".{at.name}{rules.ASIDE}"))


def _target(run: Run, work: _Work, archive: Path, lacking: frozenset[str], policy: Mapping[str, str]) -> Target:
    meta = run.state.meta
    if meta is None:
        raise WorkshopError("deploying comes after the workshop was begun")
    owner = Owner(run.spec.workshop.name, meta.deployment_id, who_is_here(), str(run.spec.file))
    stack, found = work.stack, work.found
    instances = [instance.service for instance in stack.running]
    after = [
        b.service for b in stack.backends if b.fetch and b.fetch.after_start and b.service in _new(work) | work.empty
    ]
    return run.fleet[stack.host.name].target(
        {
            "project": stack.project,
            "stack_folder": str(run.fleet[stack.host.name].folder),
            "archive": str(archive),
            "owner": as_variables(owner),
            "files": bool(found.files),
            "reload": found.reloads,
            "nginx": stack.nginx,
            "policy": dict(policy) if stack.gateway else None,
            "stale": list(found.stale),
            "restart": list(found.restart),
            "networks": list(work.networks),
            "front": [name for name in (stack.nginx, WEBUI_SERVICE) if name in stack.services],
            "first": [name for name in stack.services if name not in instances] if instances else [],
            "batches": batched([name for name in instances if name in _new(work)], run.settings.webui_concurrency),
            "engines": [backend.service for backend in stack.backends if backend.service not in lacking],
            "start_seconds": max((backend.container.start_seconds for backend in stack.backends), default=0),
            "put": [f"fetch-{service}" for service in after],
        }
    )


def batched(names: Sequence[str], size: int) -> list[list[str]]:
    """So many at a time: each start of an Open WebUI takes a processor for a quarter of a minute."""
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


def _new(work: _Work) -> set[str]:
    """One that is down may lack its weights."""
    found = work.found
    return {*found.create, *found.recreate, *found.start, *found.restart}


def _starting(work: _Work) -> list[Backend]:
    return [backend for backend in work.stack.backends if backend.service in _new(work)]


def _without_weights(work: _Work, missing: frozenset[str]) -> list[Backend]:
    """Backends about to be started, whose weights must be brought before; not those that are `missing` on the host."""
    backends = [backend for backend in _starting(work) if backend.service not in missing]
    return [backend for backend in backends if backend.fetch and not backend.fetch.after_start]


def write_archive(path: Path, files: Files) -> None:
    """A tar that unpacks to these files, the gateway's policy under a name of its own; private, for it holds secrets.

    They carry the time: nginx keeps a certificate over a reload while the file's time and inode are the same.
    """
    now = int(time.time())
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    with tarfile.open(path, "w") as archive:
        for name, file in sorted(files.items()):
            entry = tarfile.TarInfo(_aside(name) if name == POLICY_PATH else name)
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, now
            archive.addfile(entry, io.BytesIO(file.content))
