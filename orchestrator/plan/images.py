"""Which image each component runs, before anyone has looked whether it can be had. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.pins import IMAGES
from orchestrator.spec.components import Component

Source = Literal["registry", "archive", "packages"]
DOCKER_HUB = "docker.io"
DIGITS = 16  # of a digest: 64 bits
LONGEST_TAG = 128 - DIGITS - 1  # characters

REFERENCES: Mapping[Component, str] = {Component(name): reference for name, reference in IMAGES.items()}


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """The spec's `images` section."""

    source: Literal["auto", "registry", "archive", "packages"] = "auto"
    registry: str | None = None  # host, and a path where the mirror has one
    override: Mapping[Component, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is on the machine."""

    reference: str
    digest: str | None  # of the registry's manifest, "sha256:..."; None: made here, so there is none
    source: Source

    @property
    def origin(self) -> str:
        """What a registry is asked for."""
        return f"{Reference.parse(self.reference).name}@{self.digest}" if self.digest else self.reference

    @property
    def pinned(self) -> str:
        """What a stack names: always the same bits, under the same name however they came.

        Not `origin`: an engine knows the registry's digest only of what it pulled, not of what was loaded or copied.
        """
        if self.digest is None:
            return self.reference
        parts = Reference.parse(self.reference)
        tag = parts.suffix.partition("@")[0].lstrip(":")
        short = self.digest.partition(":")[2][:DIGITS]
        return f"workshop-{parts.repository.rpartition('/')[2]}:{'-'.join(filter(None, (tag[:LONGEST_TAG], short)))}"


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name taken apart, as Docker reads it (github.com/distribution/reference)."""

    host: str
    repository: str  # as the registry knows it: `library/nginx` on Docker Hub
    suffix: str  # ":tag", "@digest", both or nothing
    name: str  # as it was written, without the suffix

    @classmethod
    def parse(cls, text: str) -> Reference:
        name, at, digest = text.partition("@")
        head, colon, tag = name.rpartition(":")
        if colon and "/" not in tag:
            name, suffix = head, f":{tag}{at}{digest}"
        else:
            suffix = f"{at}{digest}"
        host, slash, path = name.partition("/")
        if not slash or not (set(host) & set(".:") or host == "localhost"):
            host, path = DOCKER_HUB, name
        if host == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        return cls(host, path, suffix, name)

    @property
    def canonical(self) -> str:
        """The name with nothing left out: two spellings of one repository come out alike."""
        return f"{self.host}/{self.repository}"


def reference_for(component: Component, choice: ImageChoice) -> str:
    """The override, or the pinned reference, taken from the workshop's own registry where there is one."""
    if component in choice.override:
        return choice.override[component]
    reference = REFERENCES[component]
    if choice.registry is None:
        return reference
    parts = Reference.parse(reference)
    return f"{choice.registry.rstrip('/')}/{parts.repository}{parts.suffix}"
