"""Every host gets the images that its stack needs: from the registry by digest, else copied from where they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from orchestrator.errors import HostError, Where
from orchestrator.fleet.images.content import Content
from orchestrator.fleet.images.engine_tar import LoadError, load
from orchestrator.fleet.images.login import Login
from orchestrator.fleet.images.meter import metered, size_text
from orchestrator.fleet.images.reachable import registry_addresses
from orchestrator.fleet.images.registry import PullError, local_image, pull
from orchestrator.fleet.images.source import Source
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts.room import room
from orchestrator.plan.images import Image, Reference

COPIES = 4  # at once: they share this machine's network, and a host that has its images goes on
PULLS = 3  # at once on one host
ROOM = 2.2  # bytes on the host's disk for a byte of an image while it is loaded: the stream, and what it becomes


@dataclass(frozen=True, slots=True)
class Brought:
    """`changes`: what came, in words; `notes`: why it came another way than it should."""

    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Distribution:
    """For all hosts of one run. `sources` has every image by its `pinned` name."""

    sources: Mapping[str, Source]
    report: Callable[[str], None]
    login: Login | None = None
    gate: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(COPIES))
    seen: dict[str, Content] = field(default_factory=dict)

    def bring(self, machine: Machine, images: Sequence[Image]) -> Brought:
        """What `machine` lacks of `images`. Raises HostError `image_not_there`, `disk_full`, `platform_differs`."""
        lacking = [image for image in dict.fromkeys(images) if not self._is_there(machine, image)]
        if not lacking:
            return Brought()
        info = machine.docker.client.info()
        found = self._room(machine, lacking, info)
        reasons: dict[Image, str] = {}
        pulled = self._pull(machine, [image for image in lacking if self._origin(image) in found.registries], reasons)
        rest = [image for image in lacking if image not in pulled]
        for source in dict.fromkeys(self.sources[image.pinned] for image in rest):
            batch = [image for image in rest if self.sources[image.pinned] is source]
            self._copy(machine, source, batch, found, _platform(info))
        changes = [f"{machine.name}: image {image.reference}: pulled" for image in pulled]
        changes += [
            f"{machine.name}: image {image.reference}: copied from {self.sources[image.pinned].name}" for image in rest
        ]
        return Brought(tuple(changes), tuple(reasons[image] for image in rest if image in reasons))

    def _content(self, image: Image) -> Content:
        if image.pinned not in self.seen:
            self.seen[image.pinned] = self.sources[image.pinned].content(image)
        return self.seen[image.pinned]

    def _is_there(self, machine: Machine, image: Image) -> bool:
        """The same bits, as far as this can be told: another platform has others."""
        with machine.docker.explained():
            client = machine.docker.client
            if local_image(client, image.reference, digest=image.digest) is None:
                return False
            there = Content.read(client.api.inspect_image(image.pinned))
        wanted = self._content(image)
        return there.digest == wanted.digest or (image.digest is not None and there.platform != wanted.platform)

    def _origin(self, image: Image) -> str | None:
        """The registry that has it under a digest, if any."""
        return Reference.parse(image.reference).host if image.digest and image.source == "registry" else None

    def _room(self, machine: Machine, images: Sequence[Image], info: Mapping[str, object]) -> _Room:
        registries = {origin for image in images if (origin := self._origin(image))}
        if info.get("HttpProxy") or info.get("HttpsProxy"):  # its engine goes its own way: it has to be tried
            found = machine.channel.call(room, {"addresses": []})
            return _Room(frozenset(registries), found["free"], found["root"])
        addresses = {registry: registry_addresses(registry, info) for registry in registries}
        found = machine.channel.call(room, {"addresses": sorted(a for them in addresses.values() for a in them)})
        answering = set(found["answering"])
        return _Room(
            frozenset(r for r, them in addresses.items() if answering & set(them)), found["free"], found["root"]
        )

    def _pull(self, machine: Machine, images: Sequence[Image], reasons: dict[Image, str]) -> list[Image]:
        with ThreadPoolExecutor(PULLS) as pool:
            jobs = {image: pool.submit(self._pull_one, machine, image) for image in images}
        pulled = []
        for image, job in jobs.items():
            try:
                job.result()
            except PullError as error:
                why = "its registry gives this address no more for now" if error.limited else f"not pulled: {error}"
                source = self.sources[image.pinned].name
                reasons[image] = f"{machine.name}: image {image.reference}: {why}; copied from {source}"
            else:
                self._check(machine, image)
                pulled.append(image)
        return pulled

    def _pull_one(self, machine: Machine, image: Image) -> None:
        self.report(f"{machine.name}: pulling {image.reference}")
        with machine.docker.explained():
            pull(machine.docker.client, image.reference, digest=image.digest, login=self.login)

    def _copy(self, machine: Machine, source: Source, images: Sequence[Image], at: _Room, platform: str | None) -> None:
        names = ", ".join(image.reference for image in images)
        where = Where(host=machine.name)
        for image in images:
            if platform and platform != self._content(image).platform:
                message = f"{image.reference} is here for {self._content(image).platform}, the host is {platform}"
                hint = "Let the host reach the registry, or have the images saved on a machine of its kind"
                raise HostError("platform_differs", message, where=where, hint=hint)
        size = source.size(images)
        if at.free is not None and at.free < size * ROOM:
            message = (
                f"{names} need {size_text(size * ROOM)} while they are loaded, and {size_text(at.free)} are free "
                f"at {at.root}: {size_text(size * ROOM - at.free)} are missing"
            )
            hint = "Make room where its Docker keeps images (docker system df), then run the same command again"
            raise HostError("disk_full", message, where=where, hint=hint)
        with self.gate:
            self.report(f"{machine.name}: copying {names} from {source.name} ({size_text(size)})")
            stream = metered(source.read(images), f"{machine.name}: copied", size, self.report)
            try:
                load(machine.docker.client, stream, far=not machine.is_local)
            except LoadError as error:
                hint = "Look at its disk and its Docker log, then run the same command again"
                raise HostError(
                    "image_not_there", f"{names} could not be copied: {error}", where=where, hint=hint
                ) from None
        for image in images:
            self._check(machine, image)

    def _check(self, machine: Machine, image: Image) -> None:
        if not self._is_there(machine, image):
            hint = "Look at its disk and its Docker log, then run the same command again"
            message = f"{image.reference} came, and is not the same as at {self.sources[image.pinned].name}"
            raise HostError("image_not_there", message, where=Where(host=machine.name), hint=hint)


@dataclass(frozen=True, slots=True)
class _Room:
    registries: frozenset[str]  # that answer the host
    free: int | None  # bytes, at `root`; None: it can't be told
    root: str | None  # where its Docker keeps images


def _platform(info: Mapping[str, object]) -> str | None:
    """As images name it: engines name the machine as its kernel does."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(str(info.get("Architecture")))
    return f"{info.get('OSType', 'linux')}/{machine}" if machine else None
