"""Step: every image is on the machine, and what stands in for one that cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import connect_local
from orchestrator.fleet.images.distribute import distribute
from orchestrator.fleet.images.resolve import Resolution, resolve
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.fleet.machine import Machine
from orchestrator.plan.images import Image, ImageChoice
from orchestrator.plan.stacks import Known, practice_components
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.deployed import ImageRecord
from orchestrator.state.state import State
from orchestrator.workflow.desired import planned
from orchestrator.workflow.run import Run
from orchestrator.workflow.sizes import known

if TYPE_CHECKING:
    from docker import DockerClient

OPTIONAL = frozenset({Component.VLLM_CPU, Component.OLLAMA})  # practice mode has a stand-in for these


def choose_images(run: Run) -> Run:
    seen = known(run.spec, run.state, ask=True, keep=True)
    found = _resolve(run, wanted_components(run.spec, seen))
    _require(run.spec, found.missing)
    deployment = planned(run.spec, found.missing, seen)
    if not run.spec.workshop.practice:
        run.state.placements.record({b.service: (b.host, b.gpus) for b in deployment.backends})
    needed = {component: image for component, image in found.images.items() if component in deployment.components}
    fresh = _record(run.state, needed)
    images = {component: image.pinned for component, image in needed.items()}
    run = replace(run, images=images, deployment=deployment).changed(*fresh)
    components = {stack.host.name: stack.components for stack in deployment.stacks}

    def bring(machine: Machine) -> tuple[str, ...]:
        wanted = [needed[component] for component in sorted(components[machine.name])]
        return distribute(machine, wanted, _shelf(run), run.report.say)

    came, failed = run.fleet.each(bring, [n for n in run.standing if n in components and not run.fleet[n].is_local])
    return run.without(failed).changed(*(line for lines in came.values() for line in lines))


def _shelf(run: Run) -> DockerClient:
    """The engine on which images are gathered: this machine's, else that of the gateway's host."""
    try:
        here = connect_local("this machine").client
        here.ping()
    except (UserError, OSError):
        return run.front.docker.client
    return here


def wanted_components(spec: Spec, seen: Known | None = None) -> frozenset[Component]:
    """The images that this spec would like to have."""
    return practice_components(spec.workshop) if spec.workshop.practice else planned(spec, {}, seen).components


def recorded_images(state: State) -> dict[Component, Image]:
    """What an earlier run used."""
    return {
        Component(name): Image(record.reference, record.digest, record.source)  # type: ignore[arg-type]
        for name, record in state.deployed.images().items()
    }


def _resolve(run: Run, wanted: frozenset[Component]) -> Resolution:
    section = run.spec.workshop.images
    choice = ImageChoice(section.source, section.registry, dict(section.override))
    folder = run.state.folder
    settings = BuildSettings.from_environment(folder.logs, folder.rendered / ".cache")
    return resolve(
        sorted(wanted),
        choice,
        recorded_images(run.state),
        _shelf(run),
        settings=settings,
        report=run.report.say,
    )


def _require(spec: Spec, missing: Mapping[Component, str]) -> None:
    lacking = {c: why for c, why in missing.items() if not (spec.workshop.practice and c in OPTIONAL)}
    if not lacking:
        return
    component, why = next(iter(lacking.items()))
    others = f" (and {len(lacking) - 1} more images)" if len(lacking) > 1 else ""
    hint = "Check the network, or name an image in images.override or a mirror in images.registry"
    raise spec.problem(("images",), "image_missing", f"no image for {component}{others}: {why}", hint)


def _record(state: State, images: Mapping[Component, Image]) -> list[str]:
    before = recorded_images(state)
    fresh = []
    for component, image in sorted(images.items()):
        if before.get(component) != image:
            state.deployed.record_image(component, ImageRecord(image.reference, image.digest, image.source))
            fresh.append(f"image {component}: {image.reference} ({image.source})")
    return fresh
