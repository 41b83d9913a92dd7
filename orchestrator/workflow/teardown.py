"""Removes a workshop from every host, and proves it. Needs the state, not the spec."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import connect_local
from orchestrator.spec.loader import load
from orchestrator.state.clock import utc_now
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.folder import BESIDE_SPEC, StateFolder, find_state
from orchestrator.state.lock import WorkshopLock
from orchestrator.state.record import Teardown, record_teardown
from orchestrator.state.state import Meta, State
from orchestrator.usage.store import usage_file
from orchestrator.workflow.remove import left_on, remove_stack
from orchestrator.workflow.run import Report
from orchestrator.workflow.usage import collect


@dataclass(frozen=True, slots=True)
class TornDown:
    workshop: str
    was_there: bool
    hosts: tuple[str, ...]
    removed: tuple[str, ...]  # what was there before
    left: tuple[str, ...]  # what is there still: empty is the proof
    kept: tuple[str, ...]  # on purpose


def teardown(
    folder: StateFolder,
    report: Report,
    confirm: Callable[[str, tuple[str, ...]], None],
    *,
    keep_weights: bool = False,
    keep_state: bool = False,
) -> TornDown:
    """`confirm` is asked with the name and what will be removed, and raises to stop.

    Raises HostError for a host that could not be cleaned; run again, it goes on there.
    """
    if not folder.has_state:
        return TornDown(folder.name, was_there=False, hosts=(), removed=(), left=(), kept=())
    with WorkshopLock(folder, "teardown"):
        with State.open(folder) as state:
            meta, hosts = state.meta, state.deployed.hosts()
        removed = tuple(line for host in hosts for line in _present(host, folder.name))
        confirm(folder.name, removed)
        _collect_usage(folder, meta, hosts, report, keep_state=keep_state)
        report.step("Removing")
        with tempfile.TemporaryDirectory() as logs:
            for host in hosts:
                docker = connect_local(host.name)
                remove_stack(host, folder.name, docker, report, Path(logs) / "ansible.log", keep_weights=keep_weights)
        report.step("Looking again")
        left = tuple(
            line
            for host in hosts
            for line in left_on(host, folder.name, connect_local(host.name), keep_weights=keep_weights)
        )
        kept = (
            tuple(sorted(f"volume {name}" for host in hosts for name in connect_local(host.name).weights(folder.name)))
            if keep_weights
            else ()
        )
        record = Teardown(
            at=utc_now(),
            workshop=folder.name,
            deployment_id=meta.deployment_id if meta else None,
            spec_path=str(meta.spec_path) if meta else None,
            hosts=tuple(host.name for host in hosts),
            left=left,
            kept_state=keep_state,
        )
        if not left and not keep_state:
            folder.forget()
        record_teardown(folder, record)
    return TornDown(folder.name, was_there=True, hosts=record.hosts, removed=removed, left=left, kept=kept)


def _collect_usage(
    folder: StateFolder, meta: Meta | None, hosts: tuple[DeployedHost, ...], report: Report, *, keep_state: bool
) -> None:
    """The last requests, where somebody will look at them: the state is kept, or usage was collected before."""
    if meta is None or not (keep_state or usage_file(folder, meta.deployment_id).exists()):
        return
    report.step("Collecting usage")
    for host in hosts:
        try:
            number = collect(folder, meta.deployment_id, connect_local(host.name))
            report.say(f"{number} requests were new")
        except UserError as problem:  # what cannot be read must not keep it all from being removed
            report.say(f"not collected: {problem}")


def _present(host: DeployedHost, workshop: str) -> tuple[str, ...]:
    return left_on(host, workshop, connect_local(host.name))


def find_folder(spec: Path | None, name: str | None, state_dir: Path | None) -> StateFolder:
    """The state of the workshop to remove: by name, by its spec, or beside a spec that is broken or gone.

    Raises UserError `state_unknown`, `state_renamed`.
    """
    if name is not None:
        return find_state(name, state_dir or (spec.absolute().parent / BESIDE_SPEC if spec else None))
    path = (spec or Path("workshop.yaml")).absolute()
    base = state_dir or path.parent / BESIDE_SPEC
    try:
        folder = StateFolder.for_spec(path, load(path).workshop.name, state_dir)
    except UserError as broken:
        known = [folder for folder in _known(base) if _belongs(folder, path)]
        if len(known) == 1:
            return known[0]
        hint = "Name it: --name NAME" + (" --state-dir DIR" if not known else "")
        raise UserError(
            "state_unknown", f"cannot tell which workshop: {broken.message}", where=broken.where, hint=hint
        ) from None
    others = [known.name for known in _known(base) if not folder.has_state and _belongs(known, path)]
    if others:
        message = f"{folder.name} was never provisioned; from this file came {', '.join(others)}"
        where, hint = Where(file=path), f"Was it renamed? workshop teardown {path.name} --name {others[0]}"
        raise UserError("state_renamed", message, where=where, hint=hint)
    return folder


def _known(base: Path) -> list[StateFolder]:
    return [StateFolder(entry) for entry in sorted(base.iterdir()) if entry.is_dir()] if base.is_dir() else []


def _belongs(folder: StateFolder, spec: Path) -> bool:
    """Whether this state was made from that file."""
    if not folder.has_state:
        return False
    with State.read(folder) as state:
        return state.meta is not None and state.meta.spec_path == spec
