"""How long tests took: tests/durations.json, made from what `make test` and `make test-all` leave.

make durations
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.suites.suites import CACHE, ROOT, SUITES, Suite

FILE = "tests/durations.json"
AT_ONCE = 2  # tests, in a suite of which only the modules were measured
NOISE = 0.25  # a figure that moved by less stays as it was


@dataclass(frozen=True)
class Durations:
    """In seconds. A module's are those of its tests' set-up, test and tear-down; a run's are those on the clock."""

    cores: int
    daily: Mapping[str, float]  # by module
    all: Mapping[str, float]
    compat: Mapping[str, float]
    runs: Mapping[str, float]  # daily/stack, all/gateway, ...: as their files are called

    @classmethod
    def read(cls, root: Path = ROOT) -> Durations:
        return cls(**json.loads((root / FILE).read_text(encoding="utf-8")))

    def of(self, suite: Suite) -> Mapping[str, float]:
        return self.compat if suite.name == "compat" else self.all

    def on_the_clock(self, suite: Suite, *, rest: bool = False) -> float:
        """About how long the suite takes, or what `make test` leaves of it. What nobody has measured yet counts nothing."""
        whole, daily = (self._sum(suite, figures) for figures in (self.of(suite), self.daily if rest else {}))
        return self.runs.get(f"all/{suite.name}", whole / AT_ONCE) * (max(whole - daily, 0) / whole if whole else 1)

    @staticmethod
    def _sum(suite: Suite, figures: Mapping[str, float]) -> float:
        return sum(seconds for path, seconds in figures.items() if suite.holds(path))


def recorded(root: Path, before: Durations, cores: int) -> Durations:
    """With the figures of the runs that left a file; the others stay, but of modules that are gone."""
    found: dict[str, defaultdict[str, float]] = {kind: defaultdict(float) for kind in ("daily", "all", "compat")}
    runs: dict[str, float] = {}
    for file in sorted((root / CACHE / "junit").glob("*/*.xml")):
        of, run = file.parent.name, file.stem
        suite = ET.parse(file).getroot().find("testsuite")  # noqa: S314 - pytest wrote it here
        if suite is None or of not in found:
            continue
        runs[f"{of}/{run}"] = float(suite.get("time", 0))
        for path, seconds in _cases(root, suite):
            found["compat" if run == "compat" else of][path] += seconds
    modules = {kind: _merged(root, dict(getattr(before, kind)), dict(new)) for kind, new in found.items()}
    calm = {run: _calm(before.runs.get(run), seconds) for run, seconds in sorted({**before.runs, **runs}.items())}
    return Durations(cores, **modules, runs=calm)


def _merged(root: Path, before: dict[str, float], new: dict[str, float]) -> dict[str, float]:
    """Suites that were not measured now keep their figures, but of modules that are gone."""
    fresh = [suite for suite in SUITES if any(suite.holds(path) for path in new)]
    kept = {path: seconds for path, seconds in before.items() if not any(suite.holds(path) for suite in fresh)}
    seconds = {**kept, **{path: _calm(before.get(path), seconds) for path, seconds in new.items()}}
    return {path: seconds[path] for path in sorted(seconds) if (root / path).is_file()}


def _cases(root: Path, suite: ET.Element) -> Iterator[tuple[str, float]]:
    for case in suite.iter("testcase"):
        parts = case.get("classname", "").split(".")
        for end in range(len(parts), 0, -1):  # the last ones are classes
            path = "/".join(parts[:end]) + ".py"
            if (root / path).is_file():
                yield path, float(case.get("time", 0))
                break


def _calm(before: float | None, seconds: float) -> float:
    if before is not None and abs(seconds - before) <= max(NOISE * before, 0.5):
        return before
    return round(seconds, 1) if seconds < 10 else round(seconds)


def main() -> int:
    file = ROOT / FILE
    before = Durations.read() if file.is_file() else Durations(0, {}, {}, {}, {})
    now = recorded(ROOT, before, os.cpu_count() or 1)
    file.write_text(json.dumps(asdict(now), indent=1) + "\n", encoding="utf-8")
    print(f"{FILE}; python docs/generate.py puts it into the page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
