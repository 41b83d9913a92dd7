"""Who asked how much: the gateway's log collected, and what was collected added up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from filelock import FileLock, Timeout

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.gateway_log import GatewayLog
from orchestrator.local_time import moments, unclear
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.spec.workshop import Workshop
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import PRIVATE_FOLDER, StateFolder
from orchestrator.state.record import teardowns
from orchestrator.state.state import State
from orchestrator.usage.collect import collect_file
from orchestrator.usage.report import Question, Row, report
from orchestrator.usage.store import UsageStore, usage_file
from orchestrator.workflow.context.hosts import at_front
from orchestrator.workflow.context.open import state_folder

PATIENCE = 120  # seconds for another collection to come to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    workshop: str
    question: Question
    rows: tuple[Row, ...]
    total: Row
    collected: int | None  # requests that are new; None: nothing was looked for, or could not be
    unreadable: int  # lines of the log, since the class began
    problem: UserError | None  # why not all could be collected; what was there before is shown


def usage(spec: Spec, settings: Settings, state_dir: Path | None, question: Question, *, collecting: bool) -> Usage:
    """Fills in the names and the time zone of `question`, whose times may be naive.

    Raises UserError `time_unclear`, `not_provisioned`.
    """
    zone = _zone(spec.workshop)
    since, until = _placed("since", question.since, spec.workshop), _placed("until", question.until, spec.workshop)
    folder = state_folder(spec, state_dir, settings)
    with State.read(folder) as state:
        people, meta, hosts = state.people.all(), state.meta, state.deployed.hosts()
    deployment = meta.deployment_id if meta else _torn_down(folder)
    file = usage_file(folder, deployment) if deployment else None
    if deployment is None or file is None or not (meta or file.exists()):
        hint = "Run `provision SPEC` first."
        where = Where(file=folder.path)
        raise UserError("not_provisioned", "this workshop was not provisioned yet", where=where, hint=hint)
    collected, problem = None, None
    if collecting and meta:
        try:
            with at_front(spec, settings, hosts) as front:
                collected = collect(folder, deployment, front.docker)
        except UserError as trouble:
            problem = trouble
    question = replace(
        question, names={person.id: person.name for person in people}, since=since, until=until, zone=zone
    )
    with UsageStore.open(file) as store:
        if meta:
            store.put_teams({person.id: person.team for person in people if person.team})
        return Usage(
            workshop=spec.workshop.name,
            question=question,
            rows=report(store, question),
            total=report(store, replace(question, by=()))[0],
            collected=collected,
            unreadable=store.unreadable(),
            problem=problem,
        )


def collect(folder: StateFolder, deployment_id: str, docker: DockerHost) -> int:
    """How many requests were new. Any number of times, while anything else is at work on the workshop.

    Raises UserError for Docker's troubles and the disk's; what was read before stays.
    """
    with _alone(folder), UsageStore.open(usage_file(folder, deployment_id)) as store:
        container = docker.container(folder.name, GATEWAY_SERVICE)
        if container is None or container.deployment != deployment_id:
            return 0
        before = store.requests()
        log = GatewayLog(docker, container)
        with log.files() as files:
            ends = {name: collect_file(store, file) for name, file in files.items()}
        log.tidy(ends)
        return store.requests() - before


def _zone(workshop: Workshop) -> tzinfo | None:
    """Whose hours are meant; None: this machine's."""
    if workshop.timezone:
        return ZoneInfo(workshop.timezone)
    return workshop.opens.tzinfo if workshop.opens else None


def _placed(option: str, moment: datetime | None, workshop: Workshop) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    zone = _zone(workshop)
    if wrong := unclear(moment, zone, workshop.timezone or "this machine's time zone"):
        raise UserError("time_unclear", f"--{option}: {wrong.message}", hint=wrong.hint)
    return moments(moment, zone)[0]


def _torn_down(folder: StateFolder) -> str | None:
    """The deployment that was removed last: what was collected of it is still there."""
    record = teardowns(folder)
    return record[-1].deployment_id if record else None


@contextmanager
def _alone(folder: StateFolder) -> Iterator[None]:
    """Not the workshop's lock: a look at the figures must not stop a `provision`, nor wait for one."""
    with refusals_explained(folder.usage):
        folder.usage.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = FileLock(folder.usage / "lock", mode=0o600)
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            message, hint = "another `workshop usage` is collecting", "Wait for it, or look with --no-collect"
            raise UserError("lock_held", message, where=Where(file=folder.usage), hint=hint) from None
    try:
        yield
    finally:
        lock.release()
