"""For all tests: Ctrl-C means what it means at a terminal; images built from packages, as the program itself builds them.

A shell's background job begins with SIGINT ignored, and hands that on to its children: tests of interruptions would wait
for an end that never comes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from orchestrator.spec.components import Component

os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks the real hub how big a model is
signal.signal(signal.SIGINT, signal.default_int_handler)

Packaged = Callable[[Component], str]


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The name of a component's image, built now if it is not here yet. A component that cannot be built skips the test."""
    import docker

    from orchestrator.fleet.images import BuildSettings, resolve
    from orchestrator.plan.images import ImageChoice

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
