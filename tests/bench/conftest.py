"""Figures beside the floors and aims that were set for them: printed, and kept as JSON. No figure fails a bench.

WORKSHOP_BENCH_RESULTS names a file that gets one line of JSON for each figure; `docs/generate.py --performance FILE` makes
the table of docs/performance.md from it. WORKSHOP_BENCH_ROUNDS says how often the slow ones are repeated (3).
"""

from __future__ import annotations

import json
import math
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import docker
import pytest

from orchestrator.fleet.images.recipes import RECIPES
from orchestrator.spec.components import Component

BIN = Path(sys.executable).parent
FEWEST = 3  # runs from which a spread can be told
SECONDS = 900  # for one command


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row of the table of speeds: `floor` must be reached, `aim` should be; None: none is set.

    `beside`: other figures of the same run, in words. `of`: which of several things that are compared; such figures make
    a table of their own, with a row for each thing and a column for each `what`.
    """

    what: str
    unit: str
    samples: tuple[float, ...]
    floor: float | None = None
    aim: float | None = None
    more_is_better: bool = False
    beside: str = ""
    of: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def spread(self) -> float:
        return max(self.samples) - min(self.samples)

    @property
    def verdict(self) -> str:
        """In words. What lies no further from its bound than the runs from each other proves nothing about it."""
        if self.floor is None and self.aim is None:
            return "no floor is set"
        if len(self.samples) < FEWEST:
            return f"not judged: {len(self.samples)} run" + ("s" if len(self.samples) > 1 else "")
        floor, aim = self._against(self.floor), self._against(self.aim)
        if floor in {"misses", "within the spread of"}:
            return f"{floor} the floor"
        if aim == "meets":
            return "meets the aim"
        passed = "meets the floor" if floor == "meets" else ""
        return "; ".join(filter(None, (passed, f"{aim} the aim" if aim else "")))

    def _against(self, bound: float | None) -> str | None:
        if bound is None:
            return None
        if abs(self.median - bound) <= self.spread:
            return "within the spread of"
        return "meets" if (self.median > bound) == self.more_is_better else "misses"

    def line(self) -> str:
        bounds = [
            f"{name} {_number(value)}"
            for name, value in (("floor", self.floor), ("aim", self.aim))
            if value is not None
        ]
        text = (
            f"{self.of + ', ' if self.of else ''}{self.what}: {_number(self.median)} {self.unit}"
            f" ({_number(min(self.samples))} to {_number(max(self.samples))}, {len(self.samples)} runs)"
        )
        return " | ".join([text, *bounds, self.verdict, *filter(None, [self.beside])])

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "median": self.median,
            "low": min(self.samples),
            "high": max(self.samples),
            "verdict": self.verdict,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
        }


class Report(Protocol):
    """Prints a figure and keeps it."""

    def __call__(self, what: str, unit: str, samples: Sequence[float], **other: Any) -> None:
        """`other`: `floor`, `aim`, `more_is_better`, `beside`, `of`, as in Figure."""

    def missing(self, of: str, why: str) -> None:
        """One of the things compared could not be measured."""


def machine() -> str:
    """The machine as a figure must name it: cores, processor, memory, Python."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    processor = models[0] if models else platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores, {processor}, {gib:.0f} GiB, Python {platform.python_version()}"


class Kept:
    """The report that is printed at once, and kept in a file where one is asked for."""

    def __call__(self, what: str, unit: str, samples: Sequence[float], **other: Any) -> None:
        figure = Figure(what=what, unit=unit, samples=tuple(samples), **other)
        print(f"\n  {figure.line()}")
        _keep(figure.as_dict())

    def missing(self, of: str, why: str) -> None:
        print(f"\n  {of} was not measured: {why}")
        _keep({"of": of, "missing": why})


def _keep(document: dict[str, Any]) -> None:
    if results := os.environ.get("WORKSHOP_BENCH_RESULTS"):
        with Path(results).open("a", encoding="utf-8") as file:
            file.write(json.dumps(document, ensure_ascii=False) + "\n")


@pytest.fixture
def report() -> Report:
    return Kept()


@pytest.fixture
def rounds() -> int:
    """How often a slow thing is repeated."""
    return int(os.environ.get("WORKSHOP_BENCH_ROUNDS", "3"))


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def image(engine: docker.DockerClient) -> Callable[[Component], str]:
    """The image that `make provision` builds for a component; without it the bench is skipped."""

    def here(component: Component) -> str:
        tag = RECIPES[component].tag
        if not engine.images.list(name=tag):
            pytest.skip(f"the image {tag} is not here: run `make provision` first")
        return tag

    return here


@dataclass
class BenchWorkshop:
    """A workshop of its own: name, ports, state and stack apart from all others on this machine."""

    folder: Path
    name: str
    document: dict[str, Any]
    taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.document |= {
            "name": self.name,
            "practice": True,
            "public": {"host": "127.0.0.1"},
            "gateway": {"port": self._free_port()},
            "webui": {"mode": "shared", "port": self._free_port(), **self.document.get("webui", {})},
        }
        self.spec.write_text(json.dumps(self.document, indent=1), encoding="utf-8")

    @property
    def spec(self) -> Path:
        return self.folder / "workshop.yaml"  # JSON is YAML

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    def provision(self) -> tuple[float, dict[str, Any]]:
        """Seconds of the whole process, and what it said."""
        return self._timed("provision", str(self.spec), "--state-dir", str(self.state_dir), "--output", "json")

    def teardown(self) -> None:
        self._timed(
            "workshop", "teardown", str(self.spec), "--yes", "--state-dir", str(self.state_dir), "--output", "json"
        )

    def _timed(self, program: str, *arguments: str) -> tuple[float, dict[str, Any]]:
        begun = time.perf_counter()
        done = subprocess.run(
            [str(BIN / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=os.environ | {"WORKSHOP_STACK_DIR": str(self.folder / "stacks")},
        )
        seconds = time.perf_counter() - begun
        assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}"
        document: dict[str, Any] = json.loads(done.stdout)
        return seconds, document

    def _free_port(self) -> int:
        listeners = [socket.create_server(("", 0)) for _ in range(2)]
        ports = [int(listener.getsockname()[1]) for listener in listeners]
        for listener in listeners:
            listener.close()
        port = next(port for port in ports if port not in self.taken)
        self.taken.append(port)
        return port


def _number(value: float) -> str:
    """Three digits that count, without an exponent."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 4)}f}"


@pytest.fixture
def new_workshop(tmp_path: Path) -> Iterator[Callable[..., BenchWorkshop]]:
    """Make one from a document; it is torn down at the end. Needs Docker and the images that `make provision` leaves."""
    made: list[BenchWorkshop] = []

    def make(document: dict[str, Any], name: str) -> BenchWorkshop:
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        made.append(BenchWorkshop(folder, f"{name}-{os.getpid()}", document))
        return made[-1]

    yield make
    for workshop in made:
        workshop.teardown()
