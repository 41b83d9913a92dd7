"""For all tests: Ctrl-C means what it means at a terminal; how many cases a property is tried on; images from packages;
who shares a class.

Properties are tried on 15 cases every day, and on 200 where WORKSHOP_TEST_ALL=1 asks for everything (`make test-all`). A
loaded machine is not a failure: no case has a deadline.

A shell's background job begins with SIGINT ignored, and hands that on to its children: tests of interruptions would wait
for an end that never comes.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from orchestrator.spec.components import Component

os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks the real hub how big a model is
signal.signal(signal.SIGINT, signal.default_int_handler)
for name, cases in (("daily", 15), ("all", 200)):
    settings.register_profile(name, max_examples=cases, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("all" if os.environ.get("WORKSHOP_TEST_ALL") == "1" else "daily")

Packaged = Callable[[Component], str]
# The files of tests/stack/workshop that look at one and the same class, which takes a minute to come up.
SHARE_A_CLASS = re.compile(r"/test_workshop_(provision|secrets|participant|networks)\.py$")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """`--dist loadfile`, but who shares a class goes to one process."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler = LoadFileScheduling(config, log)
    whole_file = scheduler._split_scope
    scheduler._split_scope = lambda test: "a class" if SHARE_A_CLASS.search(whole_file(test)) else whole_file(test)
    return scheduler


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
