"""The suites of `make test-all`, and which of them a change asks for. Read by CI, by `make test-all`, for docs/testing.md.

Standard library only, as in the folder's other files: what chooses the tests should not depend on what they test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
CACHE = Path(".pytest_cache")  # below ROOT: what runs leave for second_goes.py and durations.py
AT_TWO = ("-n", "2", "--dist", "loadfile")  # whole workshops wait more than they reckon


@dataclass(frozen=True)
class Suite:
    """`paths` and `options` are pytest's arguments; `needs` is for people."""

    name: str
    paths: tuple[str, ...]
    needs: str = "Docker"
    options: tuple[str, ...] = AT_TWO
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    second_go: bool = True  # a real machine may fail a test once
    leaves_a_rest: bool = True  # `make test` runs all of it, in the same way, but the tests marked `full`

    def holds(self, path: str) -> bool:
        return any(PurePosixPath(path).is_relative_to(own) for own in self.paths)

    def files(self, root: Path) -> list[Path]:
        """Its Python files, in order."""
        found = [root / path for path in self.paths]
        return sorted(
            file
            for path in found
            for file in (path.rglob("*.py") if path.is_dir() else [path] if path.is_file() else [])
        )


IMAGES = (
    "weights",
    "test_images_resolve.py",
    "test_images_run.py",
    "test_bootstrap_apt.py",
    "test_llamacpp_attention.py",
    "test_sglang_package.py",
    "test_vllm_attention.py",
    "test_wheel_installed.py",
)
OLDEST = {"WORKSHOP_TEST_WEBUI": "oldest"}
UNIT = ("-n", "auto", "--dist", "worksteal")
SUITES = (  # in the order in which they run, while there is time
    Suite("unit", ("tests/unit",), "nothing", UNIT, second_go=False, leaves_a_rest=False),
    Suite("gateway", ("tests/stack/gateway", "tests/stack/test_gateway_admin.py")),
    Suite("workshop", ("tests/stack/workshop",), "Docker; Chromium for the page"),
    Suite("fleet", ("tests/fleet",), "Docker; containers with sshd and an engine are the hosts"),
    Suite("webui", ("tests/stack/webui",)),
    Suite("edge", ("tests/stack/edge", "tests/stack/checks")),
    Suite("images", tuple(f"tests/stack/{name}" for name in IMAGES), "Docker, Debian's and Python's packages"),
    Suite("compat", ("tests/stack/webui",), environment=OLDEST, leaves_a_rest=False),
)
NAMES = tuple(suite.name for suite in SUITES)

# What a change asks for beside `make test`: the first line that has the file or a folder above it. A suite's own files
# ask for it in any case; what no line has (bootstrap/, pyproject.toml, Makefile, tests/conftest.py, ...) for all suites.
SUBJECTS = {
    "docs examples README.md CHANGELOG.md LICENSE workshop.yaml .gitignore tests/bench": "",
    "tests/fully-tested tests/durations.json tests/second_goes.txt": "",
    "orchestrator/webui compose/webui.yaml.j2": "unit workshop webui compat",
    "orchestrator/usage orchestrator/identity templates/gateway": "unit gateway workshop edge",
    "orchestrator/checks orchestrator/tls templates/edge compose/edge.yaml.j2": "unit workshop fleet edge",
    "orchestrator/fleet orchestrator/inventory playbooks": "unit workshop fleet images",
    "orchestrator/plan orchestrator/engines orchestrator/pins.py orchestrator/render orchestrator/practice": "unit gateway workshop fleet edge images",
    "orchestrator/spec orchestrator/state orchestrator/workflow orchestrator/cli": "unit workshop fleet webui",
    "compose": "unit workshop fleet edge images",
    "orchestrator templates": "unit workshop",
}


def wanted_by(path: str) -> tuple[str, ...]:
    """The names of the suites that a change of this file asks for."""
    if own := tuple(suite.name for suite in SUITES if suite.holds(path)):
        return own
    above = {path, *map(str, PurePosixPath(path).parents)}
    found = (suites for subject, suites in SUBJECTS.items() if above & {*subject.split()})
    return tuple(next(found, " ".join(NAMES)).split())
