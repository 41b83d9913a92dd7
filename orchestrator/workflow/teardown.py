"""Removes a workshop from every host, and from an Open WebUI elsewhere, and proves it. Needs no spec, but the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.host_lock import HostLocks, require_not_held
from orchestrator.fleet.machine import Machine
from orchestrator.private_folder import LOGS, PrivateFolder
from orchestrator.settings import Settings
from orchestrator.spec.loader import InventoryUse, load
from orchestrator.state.clock import utc_now
from orchestrator.state.folder import BESIDE_SPEC, StateFolder, find_state
from orchestrator.state.kept_aside import KeptAside, kept_aside, remove_kept
from orchestrator.state.lock import lock_owner, workshop_lock
from orchestrator.state.record import Teardown, record_teardown
from orchestrator.state.state import State
from orchestrator.usage.store import usage_file
from orchestrator.workflow.archives.first import Choice, before_teardown
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.people import elsewhere
from orchestrator.workflow.rollout.remove import Left, left_on, ports_of, remove_stacks
from orchestrator.workflow.usage import collect

LOG = "ansible.log"


@dataclass(frozen=True, slots=True)
class TornDown:
    workshop: str
    was_there: bool
    hosts: tuple[str, ...]
    removed: tuple[str, ...]  # what was there before
    left: tuple[str, ...]  # what is there still: empty, with `failed`, is the proof
    kept: tuple[str, ...]  # on purpose
    failed: tuple[UserError, ...] = ()  # hosts that could not be cleaned, or not be looked at
    proof: tuple[Left, ...] = ()  # what each host that could be looked at still has
    page: str | None = None  # an Open WebUI that belongs to others, asked what it still has
    replaced: int | None = None  # folders with what imports replaced that are here still; None: there were none

    @property
    def ok(self) -> bool:
        return not self.left and not self.failed


def teardown(
    folder: StateFolder,
    settings: Settings,
    report: Report,
    confirm: Callable[[str, tuple[str, ...]], None],
    *,
    spec: Path | None = None,
    archiving: Choice = Choice.AS_THE_SPEC_SAYS,
    keep_weights: bool = False,
    keep_state: bool = False,
) -> TornDown:
    """`confirm` is asked with the name and what will be removed, and raises to stop.

    Where an archive is wanted and can't be made, nothing is removed; `spec` None: the one that it was made from.
    All hosts at once. The state is forgotten when nothing is left on any; until then the next run goes on.
    """
    if not folder.has_state:
        return _without_state(folder, spec, confirm, keep_state=keep_state)
    archived = before_teardown(folder, spec, settings, report, archiving)
    with workshop_lock(folder, "teardown", alone=True):
        with (
            State.open(folder) as state,
            Fleet(state.deployed.hosts(), settings.known_hosts) as fleet,
            HostLocks(lock_owner("teardown")) as locks,
        ):
            meta = state.meta
            replaced = kept_aside(folder, meta.spec_path if meta else spec)

            def confirm_all(workshop: str, present: tuple[str, ...]) -> None:
                confirm(workshop, present if keep_state else (*present, *map(str, replaced)))

            done = _removed(state, fleet, locks, report, confirm_all, keep_weights=keep_weights, keep_state=keep_state)
        if archived:
            done = replace(done, kept=(*done.kept, f"archive {archived.file}"))
        if keep_state:
            done = replace(done, kept=(*done.kept, *map(str, replaced)))
        elif not done.left and not done.failed:
            folder.forget()
            done = _forgotten(done, folder, replaced)
        record = Teardown(
            at=utc_now(),
            workshop=folder.name,
            deployment_id=meta.deployment_id if meta else None,
            spec_path=str(meta.spec_path) if meta else None,
            hosts=done.hosts,
            left=(*done.left, *map(str, done.failed)),
            kept_state=keep_state,
        )
        record_teardown(folder, record)
    return done


def _without_state(
    folder: StateFolder,
    spec: Path | None,
    confirm: Callable[[str, tuple[str, ...]], None],
    *,
    keep_state: bool,
) -> TornDown:
    """What imports replaced may be all that is left of it here."""
    replaced = kept_aside(folder, spec)
    lines = tuple(map(str, replaced))
    done = TornDown(folder.name, was_there=bool(lines), hosts=(), removed=(), left=(), kept=lines if keep_state else ())
    if keep_state or not replaced:
        return done
    confirm(folder.name, lines)
    with workshop_lock(folder, "teardown", handed_over=True):
        done = _forgotten(done, folder, replaced)
        folder.forget()
    return done


def _forgotten(done: TornDown, folder: StateFolder, replaced: tuple[KeptAside, ...]) -> TornDown:
    """With what imports replaced gone too, old secrets among it, and looked at again."""
    if not replaced:
        return done
    moved = remove_kept(folder, replaced)
    still = [one for one in replaced if one.path.exists()]
    return replace(
        done,
        removed=(*done.removed, *map(str, replaced)),
        left=(*done.left, *map(str, still)),
        kept=(*done.kept, *(f"{path}: from before an import" for path in moved)),
        replaced=len(still),
    )


def _removed(
    state: State,
    fleet: Fleet,
    locks: HostLocks,
    report: Report,
    confirm: Callable[[str, tuple[str, ...]], None],
    *,
    keep_weights: bool,
    keep_state: bool,
) -> TornDown:
    workshop = state.folder.name

    def look(machine: Machine) -> tuple[tuple[str, ...], tuple[int, ...]]:
        locks.take_if_possible(machine)
        return left_on(machine, workshop).lines, ports_of(machine, workshop)

    present, failed = fleet.each(look)
    require_not_held(failed)
    there = elsewhere.place(state)
    page = elsewhere.look(state, there) if there else None
    removed = tuple(line for lines, _ in present.values() for line in lines) + (page.lines if page else ())
    unseen_page = (page.problem,) if page and page.problem else ()
    confirm(workshop, (*removed, *map(str, (*failed.values(), *unseen_page))))
    if there:
        report.step("Open WebUI")
        page = elsewhere.leave(state, there, report.say)
    _collect_usage(state, [fleet[name] for name in present], report, keep_state=keep_state)
    report.step("Removing")
    with PrivateFolder(LOGS) as logs:
        log = logs / LOG
        failed |= remove_stacks(fleet, present, workshop, report, log, keep_weights=keep_weights)
    report.step("Looking again")
    after, unseen = fleet.each(
        lambda machine: left_on(machine, workshop, keep_weights=keep_weights, ports=present[machine.name][1]), present
    )
    failed |= unseen
    weights = fleet.each(lambda machine: machine.docker.weights(workshop), after)[0] if keep_weights else {}
    if failed:  # the state stays for those; the others are done
        for name in (name for name, left in after.items() if not left.lines):
            state.deployed.remove_host(name)
    kept = {f"volume {volume}" for names in weights.values() for volume in names}
    return TornDown(
        workshop,
        was_there=True,
        hosts=tuple(fleet),
        removed=removed,
        left=tuple(line for left in after.values() for line in left.lines) + (page.lines if page else ()),
        kept=(*sorted(kept), *(page.kept if page else ())),
        failed=(*failed.values(), *([page.problem] if page and page.problem else ())),
        proof=tuple(after.values()),
        page=page.url if page and not page.problem else None,
    )


def _collect_usage(state: State, machines: Sequence[Machine], report: Report, *, keep_state: bool) -> None:
    """The last requests, where somebody will look at them: the state is kept, or usage was collected before."""
    meta = state.meta
    if meta is None or not (keep_state or usage_file(state.folder, meta.deployment_id).exists()):
        return
    report.step("Collecting usage")
    for machine in machines:  # only the gateway's host has any
        try:
            number = collect(state.folder, meta.deployment_id, machine.docker)
        except UserError as problem:  # what cannot be read must not keep it all from being removed
            report.say(f"not collected: {problem}")
        else:
            report.say(f"{machine.name}: {number} requests were new")


def find_folder(spec: Path | None, name: str | None, state_dir: Path | None) -> StateFolder:
    """The state of the workshop to remove: by name, by its spec, or beside a spec that is broken or gone.

    Raises UserError `state_unknown`, `state_renamed`.
    """
    if name is not None:
        return find_state(name, state_dir or (spec.absolute().parent / BESIDE_SPEC if spec else None))
    path = (spec or Path("workshop.yaml")).absolute()
    base = state_dir or path.parent / BESIDE_SPEC
    try:
        folder = StateFolder.for_spec(path, load(path, inventory=InventoryUse.LEFT).workshop.name, state_dir)
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
