"""Make the images that are wanted out of packages: bases first, everything at once, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from orchestrator.engines.image import Recipe, Suite
from orchestrator.fleet.images.build import BuildError, build, make_base
from orchestrator.fleet.images.recipes import NOT_PACKAGED, RECIPES
from orchestrator.fleet.images.registry import PullError, local_image, pull
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.fleet.images.torch import TorchSource, find_torch
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component

if TYPE_CHECKING:
    from docker import DockerClient


def built_image(client: DockerClient, component: Component) -> Image | None:
    """The image of today's recipe if it is here already."""
    recipe = RECIPES.get(component)
    if recipe is None or local_image(client, recipe.tag) is None:
        return None
    return Image(recipe.tag, None, "packages")


def build_images(
    client: DockerClient,
    wanted: Collection[Component],
    settings: BuildSettings,
    report: Callable[[str], None],
    *,
    hub: bool,
) -> tuple[dict[Component, Image], dict[Component, str]]:
    """What could be made, and in one line each why the rest could not. `hub`: Docker Hub can be reached."""
    images: dict[Component, Image] = {}
    missing = {component: NOT_PACKAGED[component] for component in wanted if component in NOT_PACKAGED}
    sources: dict[Component, TorchSource | None] = {}
    for component in sorted(set(wanted) - set(missing)):
        if found := built_image(client, component):
            images[component] = found
            continue
        torch = find_torch(settings) if RECIPES[component].needs_torch else None
        if isinstance(torch, str):
            missing[component] = torch
        else:
            sources[component] = torch
    if not sources:
        return images, missing

    recipes = {component: RECIPES[component] for component in sources}
    with ThreadPoolExecutor(len(sources)) as builders, ThreadPoolExecutor(2) as makers:
        bases = {
            suite: makers.submit(_base, client, suite, settings, report, hub=hub)
            for suite in {recipe.suite for recipe in recipes.values()}
        }
        builds = {
            component: builders.submit(_build, recipe, bases, sources[component], settings, report)
            for component, recipe in recipes.items()
        }
    for component, outcome in builds.items():
        try:
            outcome.result()
        except BuildError as error:
            missing[component] = f"building {recipes[component].name} failed: {error}"
        else:
            images[component] = Image(recipes[component].tag, None, "packages")
    return images, missing


def _build(
    recipe: Recipe,
    bases: Mapping[Suite, Future[str]],
    torch: TorchSource | None,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> None:
    base = bases[recipe.suite].result()
    log = settings.logs / f"build-{recipe.name}.log"
    report(f"building {recipe.tag} from packages (log: {log})")
    build(recipe, base, torch, log)


def _base(
    client: DockerClient, suite: Suite, settings: BuildSettings, report: Callable[[str], None], *, hub: bool
) -> str:
    made, official = f"workshop-base:{suite}", f"debian:{suite}-slim"
    for reference in (made, official):
        if local_image(client, reference):
            return reference
    if hub:
        try:
            report(f"pulling {official}")
            return pull(client, official).reference
        except PullError as error:
            report(f"{official} could not be pulled: {error}")
    log = settings.logs / f"base-{suite}.log"
    report(f"making the base image {made} with mmdebstrap (log: {log})")
    make_base(suite, made, log)
    return made
