"""Get every wanted image onto this machine: what is here, else from its registry, else out of packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.fleet.images.gateway import check_gateway
from orchestrator.fleet.images.packages import build_images, built_image
from orchestrator.fleet.images.reachable import reachable_registries
from orchestrator.fleet.images.registry import PullError, local_image, pull
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.plan.images import DOCKER_HUB, Image, ImageChoice, Reference, reference_for
from orchestrator.spec.components import Component

if TYPE_CHECKING:
    from docker import DockerClient

_PULLS = 3  # at once


@dataclass(frozen=True, slots=True)
class Resolution:
    """Each wanted component is in one of the two; `missing` says why, in one line."""

    images: dict[Component, Image] = field(default_factory=dict)
    missing: dict[Component, str] = field(default_factory=dict)


def resolve(
    wanted: Sequence[Component],
    choice: ImageChoice,
    recorded: Mapping[Component, Image],
    client: DockerClient,
    *,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> Resolution:
    """`recorded` is what an earlier run used: the same bits again, unless the spec now asks for something else.

    Images that are here cost milliseconds and no network. Raises UserError only for `archive`, which no command makes
    yet; whether a missing image matters is the caller's to say.
    """
    if choice.source == "archive":
        raise UserError(
            "images_archive",
            "images.source: archive comes with the images command, which this version does not have",
            hint="Set images.source to auto, registry or packages",
        )
    return _Search(choice, recorded, client, settings, report).run(sorted(set(wanted)))


@dataclass(frozen=True, slots=True)
class _Search:
    choice: ImageChoice
    recorded: Mapping[Component, Image]
    client: DockerClient
    settings: BuildSettings
    report: Callable[[str], None]

    def run(self, wanted: Sequence[Component]) -> Resolution:
        result = Resolution()
        for component in wanted:
            if image := self._present(component):
                self._accept(component, image, result)
        absent = [component for component in wanted if component not in result.images]
        if not absent:
            return result
        reachable = self._reachable(absent)
        self._pull([component for component in absent if self._may_pull(component)], reachable, result)
        unbuilt = [c for c in absent if c not in result.images and self._may_build(c)]
        if unbuilt:
            hub = DOCKER_HUB in reachable
            built, unbuildable = build_images(self.client, unbuilt, self.settings, self.report, hub=hub)
            for component, image in built.items():
                result.missing.pop(component, None)
                self._accept(component, image, result)
            for component, reason in unbuildable.items():
                before = result.missing.get(component)
                result.missing[component] = f"{before}; {reason}" if before else reason
        return result

    def _may_pull(self, component: Component) -> bool:
        return self.choice.source != "packages" or component in self.choice.override

    def _may_build(self, component: Component) -> bool:
        return self.choice.source != "registry" and component not in self.choice.override

    def _present(self, component: Component) -> Image | None:
        """What is on this machine already, without asking anybody."""
        before = self.recorded.get(component)
        if self._may_build(component) and (before is None or before.source == "packages"):
            built = built_image(self.client, component)
            if built and (before or self.choice.source == "packages"):
                return built
        if not self._may_pull(component):
            return None
        reference = reference_for(component, self.choice)
        digest = before.digest if before and before.reference == reference else None
        return local_image(self.client, reference, digest=digest)

    def _accept(self, component: Component, image: Image, result: Resolution) -> None:
        if component is Component.GATEWAY:
            try:
                check_gateway(self.client, image.pinned, self.settings.cache)
            except UserError as error:
                result.missing[component] = str(error)
                return
        result.images[component] = image

    def _reachable(self, absent: Sequence[Component]) -> frozenset[str]:
        hosts = {Reference.parse(reference_for(c, self.choice)).host for c in absent if self._may_pull(c)}
        if any(self._may_build(component) for component in absent):
            hosts.add(DOCKER_HUB)  # Debian's base images
        found = reachable_registries(hosts, self.client.info())
        if self.choice.source != "packages":
            for host in sorted(hosts - found):
                self.report(f"the registry {host} can't be reached from here")
        return found

    def _pull(self, wanted: Sequence[Component], reachable: frozenset[str], result: Resolution) -> None:
        tries: dict[Component, str] = {}
        for component in wanted:
            if component in result.missing:
                continue  # it is here, and will not do
            reference = reference_for(component, self.choice)
            host = Reference.parse(reference).host
            if host in reachable:
                tries[component] = reference
            else:
                result.missing[component] = f"{reference} can't be pulled: {host} can't be reached"
        with ThreadPoolExecutor(_PULLS) as pool:
            pulls = {component: pool.submit(self._pull_one, component, tries[component]) for component in tries}
        for component, outcome in pulls.items():
            try:
                self._accept(component, outcome.result(), result)
            except PullError as error:
                result.missing[component] = f"{tries[component]} can't be pulled: {error}"

    def _pull_one(self, component: Component, reference: str) -> Image:
        before = self.recorded.get(component)
        digest = before.digest if before and before.reference == reference else None
        self.report(f"pulling {reference}")
        return pull(self.client, reference, digest=digest)
