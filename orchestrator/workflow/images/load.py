"""The `images load` command: from one file into this machine's engine and those of a spec's hosts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from orchestrator.errors import SpecError, UserError
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.images.archive_manifest import Manifest
from orchestrator.fleet.images.archive_read import Archive
from orchestrator.fleet.images.distribute import Brought, Distribution
from orchestrator.fleet.machine import Machine
from orchestrator.plan.images import Image
from orchestrator.plan.needed_images import components_for, needed_components
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import hosts_of, open_fleet
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.images.choice import HERE, OPTIONAL, local_engine, record_images, recorded_images
from orchestrator.workflow.images.unpack import unpack
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    workshop: str | None  # None: no spec was named
    file: Path
    manifest: Manifest
    hosts: tuple[str, ...]  # this machine's own engine goes before, under a name of its own
    failed: Mapping[str, UserError]
    changes: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.failed


def load(file: Path, spec: Spec | None, settings: Settings, state_dir: Path | None, report: Report) -> Loaded:
    """The whole file is checked before anything changes. A host that fails costs that host.

    Raises UserError `archive_invalid`, `archive_unreadable`, `docker_unreachable`, `lock_held`.
    """
    begun = time.monotonic()
    folder = state_folder(spec, state_dir, settings) if spec else None
    with workshop_lock(folder, "images load") if folder else nullcontext():
        report.step("Checking the file")
        archive = Archive.verified(file.absolute(), report.say)
        report.step("This machine")
        here, notes = _loaded_here(archive, spec, report)
        hosts: tuple[str, ...] = (HERE,) if here is not None else ()
        done = [here] if here is not None else []
        failed: Mapping[str, UserError] = {}
        if spec and folder:
            with State.open(folder) as state:
                report.step("Hosts")
                remote, came, failed = _loaded_there(archive, spec, state, settings, report)
                hosts, done = (*hosts, *remote), [*done, *came.values()]
                notes += _recorded(archive.manifest, spec, state)
                if archive.manifest.weights:
                    report.step("Weights")
                    with open_fleet(spec, settings, state.deployed.hosts()) as fleet:
                        unpacked = unpack(archive, spec, state, fleet, failed, settings, report)
                    done.append(Brought(unpacked.changes, unpacked.notes))
                    hosts = tuple(dict.fromkeys((*hosts, *unpacked.hosts)))
                    failed = {**failed, **unpacked.failed}
    return Loaded(
        workshop=spec.workshop.name if spec else None,
        file=archive.file,
        manifest=archive.manifest,
        hosts=hosts,
        failed=failed,
        changes=tuple(line for one in done for line in one.changes),
        notes=(*notes, *(line for one in done for line in one.notes)),
        seconds=time.monotonic() - begun,
    )


def _loaded_here(archive: Archive, spec: Spec | None, report: Report) -> tuple[Brought | None, list[str]]:
    """All of it. A machine without an engine, or of another kind, can still load onto hosts."""
    only_here = spec is None or any(host.is_local for host in hosts_of(spec))
    if not only_here and local_engine() is None:
        return None, ["this machine has no Docker that answers: the images went to the hosts only"]
    images = [entry.image for entry in archive.manifest.images]
    with Fleet([DeployedHost(name=HERE, project="", folder=PurePosixPath("/"))]) as fleet:
        machine = fleet[HERE]
        try:
            brought = _distribution(archive, report).bring(machine, images)
        except UserError as problem:
            if only_here:
                raise
            return None, [f"{problem}; the images went to the hosts only"]
        if spec is None:  # nobody notes what they are: the names that a spec asks for must do
            for image in images:
                if "@" not in image.reference:
                    repository, _, tag = image.reference.rpartition(":")
                    machine.docker.client.images.get(image.pinned).tag(repository, tag=tag)
    return brought, []


def _loaded_there(
    archive: Archive, spec: Spec, state: State, settings: Settings, report: Report
) -> tuple[tuple[str, ...], dict[str, Brought], dict[str, UserError]]:
    """Hosts, what came, and what failed."""
    wanted = _wanted(spec, state, archive.manifest)
    distribution = _distribution(archive, report)
    with open_fleet(spec, settings, state.deployed.hosts()) as fleet:
        names = tuple(name for name in fleet if not fleet[name].is_local and wanted.get(name))

        def bring(machine: Machine) -> Brought:
            return distribution.bring(machine, wanted[machine.name])

        return (names, *fleet.each(bring, names))


def _distribution(archive: Archive, report: Report) -> Distribution:
    return Distribution({entry.image.pinned: archive for entry in archive.manifest.images}, report.say)


def _wanted(spec: Spec, state: State, manifest: Manifest) -> dict[str, list[Image]]:
    """By host, as the plan places them; where it can't yet, as its roles allow."""
    there = {entry.component: entry.image for entry in manifest.images}
    try:
        stacks = planned(spec, {}, known(spec, state)).stacks
        components = {stack.host.name: stack.components for stack in stacks}
    except SpecError:
        components = {host.name: components_for(host, spec.workshop) for host in hosts_of(spec)}
    return {name: [there[c] for c in sorted(needed) if c in there] for name, needed in components.items()}


def _recorded(manifest: Manifest, spec: Spec, state: State) -> list[str]:
    """From now on the class uses these; notes in words."""
    images = {entry.component: entry.image for entry in manifest.images}
    before = recorded_images(state)
    record_images(state, images)
    state.events.add("images load", ", ".join(sorted(image.reference for image in images.values())))
    other = [c for c, image in images.items() if c in before and before[c].pinned != image.pinned]
    notes = [f"{c}: {images[c].reference} instead of {before[c].reference} from the next provision on" for c in other]
    needed: frozenset[Component] = needed_components(spec.workshop)
    lacking = needed - set(images) - (OPTIONAL if spec.workshop.practice else frozenset())
    return notes + [f"{component} is not in the file" for component in sorted(lacking)]
