"""Published holes in the versions that a class runs, by a committed table. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.checks.preflight.finding import Finding
from orchestrator.faults import Fault, Kind, faults_of, numbers, project_of
from orchestrator.plan.images import Reference
from orchestrator.spec.components import Component

CHECK = "holes"
NAME_ANOTHER = "Name a newer one: images.override.{}"


def image_holes(references: Mapping[Component, str]) -> Iterator[Finding]:
    """Of each image by its tag: nothing of one such as `latest`. Those made here are of the release that is pulled."""
    for component, reference in sorted(references.items()):
        version = Reference.parse(reference).suffix.partition("@")[0].lstrip(":")
        for fault in faults_of(project_of(component), version, "image"):
            yield _found(None, f"{fault.component} {version} ({component})", fault, NAME_ANOTHER.format(component))


def host_holes(host: str, kind: Kind, name: str, version: str) -> Iterator[Finding]:
    """Of Docker's engine, or of Compose, on a host."""
    for fault in faults_of(name, version, kind):
        yield _found(host, f"{name} {version}", fault, f"Take {name} {fault.below} or newer there")


def is_older(version: str, least: str) -> bool:
    """One that is no version, as a build of somebody's own may tell, is not."""
    found = numbers(version)
    return bool(found) and found < numbers(least)


def _found(host: str | None, what: str, fault: Fault, remedy: str) -> Finding:
    kept_out = f"; {fault.kept_out}" if fault.kept_out else ""
    return Finding(CHECK, host, "warn", f"{what} has {fault}{kept_out}", remedy)
