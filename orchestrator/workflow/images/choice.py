"""Step: every image is on the machine, and what stands in for one that cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import SecretStr

from orchestrator.engines.registry import all_engines
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import DockerHost, connect_local
from orchestrator.fleet.images.distribute import Brought, Distribution
from orchestrator.fleet.images.login import Login
from orchestrator.fleet.images.resolve import Reach, Search
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.fleet.images.source import EngineSource
from orchestrator.fleet.machine import Machine
from orchestrator.plan.images import DOCKER_HUB, Image, ImageChoice
from orchestrator.plan.stacks import Known, practice_components
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.deployed import ImageRecord
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.images.gather import Engine, Gathered, gather, registries_of
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known

HERE = "this machine"
# Practice mode has a stand-in for these.
OPTIONAL = frozenset(image for engine in all_engines().values() for image in engine.practice_images)


def choose_images(run: Run) -> Run:
    seen = known(run.spec, run.state, ask=True, keep=True)
    remote = [name for name in run.standing if not run.fleet[name].is_local]
    run = run.without(run.fleet.each(lambda machine: machine.docker, remote)[1])  # all at once, not one by one below
    found = _gathered(run, wanted_components(run.spec, seen))
    require_images(run.spec, found.missing)
    deployment = planned(run.spec, found.missing, seen)
    if not run.spec.workshop.practice:
        run.state.placements.record({b.service: (b.host, b.gpus) for b in deployment.backends})
    needed = {component: image for component, image in found.images.items() if component in deployment.components}
    fresh = record_images(run.state, needed)
    images = {component: image.pinned for component, image in needed.items()}
    run = replace(run, images=images, deployment=deployment).changed(*fresh)
    components = {stack.host.name: stack.components for stack in deployment.stacks}
    distribution = Distribution(found.sources, run.report.say, login_of(run.spec))

    def bring(machine: Machine) -> Brought:
        return distribution.bring(machine, [needed[component] for component in sorted(components[machine.name])])

    came, failed = run.fleet.each(bring, [name for name in run.standing if name in components])
    run = run.without(failed).changed(*(line for brought in came.values() for line in brought.changes))
    return replace(run, notes=(*run.notes, *(line for brought in came.values() for line in brought.notes)))


def _gathered(run: Run, wanted: frozenset[Component]) -> Gathered:
    """On this machine's engine, else on that of the gateway's host; other hosts are asked for what is missing."""
    local = local_engine()
    here = local or run.front.docker
    recorded = recorded_images(run.state)

    def engine(docker: DockerHost, place: str, reach: Reach | None) -> Engine:
        return Engine(
            EngineSource(docker, place),
            Search(
                image_choice(run.spec),
                recorded,
                docker.client,
                build_settings(run.state.folder),
                run.report.say,
                "here" if reach is None else place,
                login_of(run.spec),
                reach,
            ),
        )

    others = [
        engine(run.fleet[name].docker, name, registries_of(run.fleet[name]))
        for name in run.standing
        if not run.fleet[name].is_local and (local or name != run.front_name)
    ]
    first = engine(here, HERE, None) if local else engine(here, here.name, registries_of(run.front))
    return gather(wanted, first, others, builds=local is not None)


def local_engine() -> DockerHost | None:
    """The engine of this machine, if it has one that answers."""
    try:
        here = connect_local(HERE)
        here.client.ping()
    except (UserError, OSError):
        return None
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


def image_choice(spec: Spec) -> ImageChoice:
    section = spec.workshop.images
    return ImageChoice(section.source, section.registry, dict(section.override))


def build_settings(folder: StateFolder) -> BuildSettings:
    return BuildSettings.from_environment(folder.logs, folder.rendered / ".cache")


def login_of(spec: Spec) -> Login | None:
    """Its secret is read when a registry is asked."""
    section = spec.workshop.images
    if (login := section.login) is None:
        return None

    def password() -> SecretStr:
        try:
            return login.password.reveal(spec.folder)
        except UserError as problem:
            raise spec.problem(("images", "login", "password"), problem.code, problem.message, problem.hint) from None

    return Login(login.registry or section.registry or DOCKER_HUB, login.user, password)


def require_images(spec: Spec, missing: Mapping[Component, str]) -> None:
    lacking = {c: why for c, why in missing.items() if not (spec.workshop.practice and c in OPTIONAL)}
    if not lacking:
        return
    component, why = next(iter(lacking.items()))
    others = f" (and {len(lacking) - 1} more images)" if len(lacking) > 1 else ""
    hint = "Check the network, or name an image in images.override or a mirror in images.registry"
    if spec.workshop.images.source == "archive":
        hint = f"workshop images load FILE {spec.file.name}, or set images.source to auto"
    raise spec.problem(("images",), "image_missing", f"no image for {component}{others}: {why}", hint)


def record_images(state: State, images: Mapping[Component, Image]) -> list[str]:
    before = recorded_images(state)
    fresh = []
    for component, image in sorted(images.items()):
        if before.get(component) != image:
            state.deployed.record_image(component, ImageRecord(image.reference, image.digest, image.source))
            fresh.append(f"image {component}: {image.reference} ({image.source})")
    return fresh
