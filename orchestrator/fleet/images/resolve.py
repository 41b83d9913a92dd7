"""Find or get every wanted image on one engine: what is here, else from its registry, else out of packages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.fleet.images.gateway import check_gateway
from orchestrator.fleet.images.login import Login
from orchestrator.fleet.images.packages import build_images, built_image
from orchestrator.fleet.images.reachable import reachable_registries
from orchestrator.fleet.images.registry import PullError, local_image, pull
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.plan.images import DOCKER_HUB, Image, ImageChoice, Reference, reference_for
from orchestrator.spec.components import GATEWAY, Component

if TYPE_CHECKING:
    from docker import DockerClient

_PULLS = 3  # at once
LOAD = "workshop images load FILE SPEC"
Reach = Callable[[Collection[str]], frozenset[str]]  # of these registries, those that the engine can pull from


@dataclass(frozen=True, slots=True)
class Resolution:
    """Each component that was asked for is in one of the two; `missing` says why, in one line."""

    images: dict[Component, Image] = field(default_factory=dict)
    missing: dict[Component, str] = field(default_factory=dict)

    @property
    def lacking(self) -> list[Component]:
        return sorted(self.missing)


def resolve(
    wanted: Sequence[Component],
    choice: ImageChoice,
    recorded: Mapping[Component, Image],
    client: DockerClient,
    *,
    settings: BuildSettings,
    report: Callable[[str], None],
    login: Login | None = None,
) -> Resolution:
    """Everything that one engine can do; whether a missing image matters is the caller's to say.

    `recorded` is what an earlier run used: the same bits again, unless the spec now asks for something else.
    Images that are here cost milliseconds and no network.
    """
    search = Search(choice, recorded, client, settings, report, login=login)
    found = search.present(wanted)
    if found.missing:
        search.pull(found)
        search.build(found)
    return found


@dataclass(frozen=True, slots=True)
class Search:
    """On the engine of `client`. `pull` and `build` take what an earlier step left, and move what they find."""

    choice: ImageChoice
    recorded: Mapping[Component, Image]
    client: DockerClient
    settings: BuildSettings
    report: Callable[[str], None]
    place: str = "here"  # for messages
    login: Login | None = None
    reach: Reach | None = None  # None: the same as this machine's
    asked: dict[str, bool] = field(default_factory=dict)  # registries, and whether they answered

    def present(self, wanted: Collection[Component]) -> Resolution:
        """Asks nobody but the engine. What is missing has an empty reason, or one that no network can change."""
        result = Resolution()
        for component in sorted(set(wanted)):
            result.missing[component] = self._why_not_here(component)
            if image := self._present(component):
                self._accept(component, image, result)
        return result

    def pull(self, result: Resolution) -> None:
        """From registries, as far as they answer; leaves alone what is here and will not do."""
        asked = [c for c in result.lacking if self._may_pull(c) and not self._is_unfit(c, result)]
        references = {component: reference_for(component, self.choice) for component in asked}
        hosts = {Reference.parse(reference).host for reference in references.values()}
        if not hosts:
            return
        hub = {DOCKER_HUB} if any(map(self._may_build, result.missing)) else set()  # asked at once, for `build`
        reachable = self._reachable(hosts | hub)
        for host in sorted(hosts - reachable):
            self.report(f"the registry {host} can't be reached from {self.place}")
        tries: dict[Component, str] = {}
        for component, reference in references.items():
            if (host := Reference.parse(reference).host) in reachable:
                tries[component] = reference
            else:
                why = f"{reference} can't be pulled: {host} can't be reached"
                result.missing[component] = _joined(why, result.missing[component])
        with ThreadPoolExecutor(_PULLS) as pool:
            pulls = {component: pool.submit(self._pull_one, component, tries[component]) for component in tries}
        for component, outcome in pulls.items():
            try:
                self._accept(component, outcome.result(), result)
            except PullError as error:
                why = f"{tries[component]} can't be pulled: {error}"
                result.missing[component] = _joined(why, result.missing[component])

    def can_pull(self, wanted: Collection[Component]) -> bool:
        """Whether a registry answers that should have one of these."""
        references = [reference_for(component, self.choice) for component in wanted if self._may_pull(component)]
        return bool(self._reachable({Reference.parse(reference).host for reference in references}))

    def build(self, result: Resolution) -> None:
        """Out of packages, on this machine: the engine must be its own."""
        unbuilt = [component for component in result.lacking if self._may_build(component)]
        if not unbuilt:
            return
        hub = DOCKER_HUB in self._reachable({DOCKER_HUB})  # Debian's base images
        built, unbuildable = build_images(self.client, unbuilt, self.settings, self.report, hub=hub)
        for component, image in built.items():
            self._accept(component, image, result)
        for component, reason in unbuildable.items():
            result.missing[component] = _joined(result.missing[component], reason)

    def _may_pull(self, component: Component) -> bool:
        if self.choice.source == "archive":
            return False
        return self.choice.source != "packages" or component in self.choice.override

    def _may_build(self, component: Component) -> bool:
        return self.choice.source in {"auto", "packages"} and component not in self.choice.override

    def _present(self, component: Component) -> Image | None:
        before = self.recorded.get(component)
        if self._from_archive(component) and before and (loaded := self._local(before)):
            return loaded
        if self._may_build(component) and (before is None or before.source == "packages"):
            built = built_image(self.client, component)
            if built and (before or self.choice.source == "packages"):
                return built
        if self.choice.source == "archive":  # loaded without the spec, so that nobody noted it
            names = [reference_for(component, self.choice)]
            if component not in self.choice.override and (made := built_image(self.client, component)):
                names.append(made.reference)
            found = filter(None, (local_image(self.client, name) for name in names))
            return next((Image(image.reference, image.digest, "archive") for image in found), None)
        if not self._may_pull(component):
            return None
        reference = reference_for(component, self.choice)
        digest = before.digest if before and before.reference == reference else None
        return local_image(self.client, reference, digest=digest)

    def _local(self, image: Image) -> Image | None:
        return image if local_image(self.client, image.reference, digest=image.digest) else None

    def _from_archive(self, component: Component) -> bool:
        before, override = self.recorded.get(component), self.choice.override.get(component)
        wanted = self.choice.source in {"auto", "archive"}
        return wanted and before is not None and before.source == "archive" and override in {None, before.reference}

    def _why_not_here(self, component: Component) -> str:
        if self._from_archive(component):
            return f"what was loaded is no longer there: {LOAD}"
        return f"it was in no archive that was loaded: {LOAD}" if self.choice.source == "archive" else ""

    def _is_unfit(self, component: Component, result: Resolution) -> bool:
        """It is here, and was looked into."""
        return result.missing[component] not in {"", self._why_not_here(component)}

    def _accept(self, component: Component, image: Image, result: Resolution) -> None:
        if component == GATEWAY:
            try:
                check_gateway(self.client, image.pinned, self.settings.cache)
            except UserError as error:
                result.missing[component] = str(error)
                return
        result.images[component] = image
        result.missing.pop(component, None)

    def _reachable(self, registries: Collection[str]) -> frozenset[str]:
        if unknown := set(registries) - set(self.asked):
            found = self.reach(unknown) if self.reach else reachable_registries(unknown, self.client.info())
            self.asked.update({host: host in found for host in unknown})
        return frozenset(host for host in registries if self.asked[host])

    def _pull_one(self, component: Component, reference: str) -> Image:
        before = self.recorded.get(component)
        digest = before.digest if before and before.reference == reference else None
        self.report(f"pulling {reference}" + ("" if self.place == "here" else f" on {self.place}"))
        return pull(self.client, reference, digest=digest, login=self.login)


def _joined(first: str, second: str) -> str:
    return "; ".join(filter(None, (first, second)))
