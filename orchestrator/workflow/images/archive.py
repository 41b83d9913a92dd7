"""The `images` commands that write: everything that a spec needs, made here, and saved into one file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from orchestrator.durable import new_file
from orchestrator.errors import UserError, Where
from orchestrator.fleet.docker_host import DockerHost, connect_local
from orchestrator.fleet.images.archive_manifest import Manifest
from orchestrator.fleet.images.archive_tar import SaveError
from orchestrator.fleet.images.archive_write import Saved, written
from orchestrator.fleet.images.meter import metered, size_text
from orchestrator.fleet.images.resolve import Resolution, Search
from orchestrator.fleet.images.source import EngineSource
from orchestrator.fleet.images.weights_write import Crates
from orchestrator.plan.images import Image
from orchestrator.plan.needed_images import needed_components
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.clock import utc_now
from orchestrator.state.state import State
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.context.target_file import disk_explained, require_new
from orchestrator.workflow.images.choice import (
    HERE,
    OPTIONAL,
    build_settings,
    image_choice,
    login_of,
    recorded_images,
    require_images,
)
from orchestrator.workflow.images.crates import Gathered, gathered
from orchestrator.workflow.wanted.desired import planned

PROGRAM = "workshop-orchestrator"
FILE_MODE = 0o644  # there is no secret in it
PACKED = 0.5  # of its size, at most, as images go; a full disk is told anyway


@dataclass(frozen=True, slots=True)
class Built:
    workshop: str
    images: Mapping[Component, Image]
    missing: Mapping[Component, str]  # why, in one line
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class SavedImages:
    workshop: str
    file: Path
    size: int  # bytes
    manifest: Manifest
    missing: Mapping[Component, str]  # what practice mode does without
    weights_left_out: Mapping[str, str]  # by model, why
    seconds: float


def build(spec: Spec, settings: Settings, state_dir: Path | None, report: Report) -> Built:
    """All that packages give, on this machine. Raises UserError `docker_unreachable`."""
    begun = time.monotonic()
    report.step("Building images from packages")
    found = _had(spec, settings, state_dir, report, _engine(), source="packages")
    excused = OPTIONAL if spec.workshop.practice else frozenset()
    missing = {component: why for component, why in found.missing.items() if component not in excused}
    return Built(spec.workshop.name, found.images, missing, time.monotonic() - begun)


def save(
    spec: Spec, settings: Settings, state_dir: Path | None, to: Path | None, report: Report, *, weights: bool = False
) -> SavedImages:
    """All images that the spec needs, in one file; those that are not here are had first, as `provision` would.

    `weights`: also the files of its models.

    Raises UserError `file_exists`, `not_writable`, `disk_full`, `image_missing`, `weights_missing`,
    `docker_unreachable`; then there is no file.
    """
    begun = time.monotonic()
    file = (to or Path(f"{spec.workshop.name}.images.tar.zst")).absolute()
    require_new(file)
    docker = _engine()
    report.step("Images")
    found = _had(spec, settings, state_dir, report, docker)
    require_images(spec, found.missing)
    needed = planned(spec, found.missing).components if spec.workshop.practice else frozenset(found.images)
    images = {component: found.images[component] for component in sorted(needed)}
    names = {component: image.pinned for component, image in images.items()}
    if not weights:
        return _written(spec, file, docker, images, found.missing, Gathered(), begun, report)
    with State.read(state_folder(spec, state_dir, settings)) as state:
        known = tuple(state.deployed.hosts())
    report.step("Weights")
    with gathered(spec, settings, known, names, report) as had:
        return _written(spec, file, docker, images, found.missing, had, begun, report)


def _written(
    spec: Spec,
    file: Path,
    docker: DockerHost,
    images: Mapping[Component, Image],
    missing: Mapping[Component, str],
    had: Gathered,
    begun: float,
    report: Report,
) -> SavedImages:
    source = EngineSource(docker, HERE)
    saved = [_saved(docker, source, component, image) for component, image in images.items()]
    weights = sum(crate.size for crate in had.crates)
    _require_room(file, sum({one.id: one.size for one in saved}.values()) * PACKED, weights)
    report.step("Saving")
    manifests: list[Manifest] = []

    def about(**parts: object) -> Manifest:
        made = {"program": version(PROGRAM), "workshop": spec.workshop.name, "made": utc_now()}
        manifests.append(Manifest.model_validate({**made, **parts}))
        return manifests[-1]

    crates = Crates(had.crates)
    if weights:
        report.say(f"{size_text(weights)} of weights go in as they are")
    with (
        disk_explained(file, "saved"),
        _engine_explained(file),
        closing(source.open(list(images.values()))) as stream,
        closing(metered(written(stream, saved, about, crates), "written", None, report.say)) as pieces,
    ):
        size = new_file(file, pieces, FILE_MODE)
    seconds = time.monotonic() - begun
    return SavedImages(spec.workshop.name, file, size, manifests[-1], missing, had.left_out or {}, seconds)


def _had(
    spec: Spec,
    settings: Settings,
    state_dir: Path | None,
    report: Report,
    docker: DockerHost,
    source: str | None = None,
) -> Resolution:
    """On this machine; the state, if there is one, says which bits the class uses."""
    folder = state_folder(spec, state_dir, settings)
    with State.read(folder) as state:
        recorded = recorded_images(state)
    folder.create()  # logs of builds lie there
    choice = image_choice(spec)
    choice = replace(choice, source=source) if source else choice  # type: ignore[arg-type]
    search = Search(choice, recorded, docker.client, build_settings(folder), report.say, login=login_of(spec))
    with docker.explained():
        found = search.present(needed_components(spec.workshop))
        search.pull(found)
        search.build(found)
    return found


def _engine() -> DockerHost:
    docker = connect_local(HERE)
    with docker.explained():
        docker.client.ping()
    return docker


def _saved(docker: DockerHost, source: EngineSource, component: Component, image: Image) -> Saved:
    with docker.explained():
        found = docker.client.api.inspect_image(image.pinned)
    return Saved(component, image, found["Id"], source.content(image), found["Size"])


def _require_room(file: Path, images: float, weights: int) -> None:
    """Bytes that they take at most."""
    free = shutil.disk_usage(file.parent).free
    if free < images + weights:
        what = "the images take" if not weights else f"the images and {size_text(weights)} of weights take"
        message = f"{what} up to {size_text(images + weights)}, and {size_text(free)} are free"
        raise UserError("disk_full", message, where=Where(file=file), hint="Choose another disk with --to FILE")


@contextmanager
def _engine_explained(file: Path) -> Iterator[None]:
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (SaveError, HTTPError) as problem:
        message, hint = f"what belongs in it could not be read: {problem}", "Look at Docker's log, then run this again"
        raise UserError("not_saved", message, where=Where(file=file), hint=hint) from None
