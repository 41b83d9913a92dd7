"""What all stack tests share: images built from packages, as the program itself builds them."""

from __future__ import annotations

import os
from collections.abc import Callable

import docker
import pytest

from orchestrator.fleet.images import BuildSettings, resolve
from orchestrator.plan.images import ImageChoice
from orchestrator.spec.components import Component

# Read by testcontainers when it is imported, after this file: no container that reaps others, ports on the loopback.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")

Packaged = Callable[[Component], str]


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The name of a component's image, built now if it is not here yet. A component that cannot be built skips the test."""
    folder = tmp_path_factory.mktemp("images")
    settings = BuildSettings.from_environment(folder / "logs", folder / "cache")

    def image(component: Component) -> str:
        client = docker.from_env()
        try:
            found = resolve([component], ImageChoice(source="packages"), {}, client, settings=settings, report=print)
        finally:
            client.close()
        if component in found.missing:
            pytest.skip(found.missing[component])
        return found.images[component].reference

    return image
