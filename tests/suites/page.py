"""docs/testing.md: what runs where, how long it takes and why. Written by docs/generate.py, read by people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.suites.durations import Durations
from tests.suites.marks import Module, modules
from tests.suites.suites import SUBJECTS, SUITES, Suite

SUITE_ROW = ("suite", "where", "needs", "tests every day", "take", "tests in all", "take")
MODULE_ROW = ("module", "what it is about", "every day", "take", "in all", "take", "what is not for every day, and why")
LINT = 60  # seconds
INTRODUCTION = """\
`make test` is for every day: lint, and all tests but those marked `full`. It takes {daily} on {cores} cores where the
images are there; a machine with nothing on it builds them first, some five to ten minutes.
`make test-all` ({all}) is everything but the benches, with 200 examples for each property instead of 15.
`make test-all SUITES="gateway edge"` runs some suites, and `.venv/bin/pytest tests/fleet/test_fleet_lock.py` what you name.

A test runs every day unless it says why not:

```python
@pytest.mark.full("the same behaviour as in test_gateway_limits, with a whole workshop around it")
```

Such a mark stands at a test, a class or a case, or as `pytestmark` at a module. It means that something daily proves the
behaviour at one level; `make test-all` proves it at every level.

`make test` gives no test a second go. `make test-all` and CI do, on real machines, to at most three modules of a suite, and
print each test that needed it. Those of the last `make test-all` stand in `tests/second_goes.txt`: a test that needs it twice in
a row fails `make test-all`, and is mended, or removed with a reason.

CI (`.ci/run`) runs `make test`, then, of the suites that the changes ask for, whole modules of which `make test` left something out: those since the
commit in `tests/fully-tested`, which `make test-all` writes when all of it is green, in one go or suite by suite, with nothing
changed since that a suite tests; else since yesterday's newest commit;
and everything where neither is there. No suite begins that would not end 75 minutes after CI began. What was chosen and
why, and what did not run, is printed. Docker's images are pulled or built by the tests that need them first.

Until this was so, `make test` ran all of it: 61 to 65 minutes on 2 cores, and as long in CI; `tests/unit` alone took 163 s on
the machine on which the figures below were measured, where it takes 117 s now. `make test-all` took 93 minutes there.

This page is made from the tests' markers and `tests/durations.json`: `python docs/generate.py` after a change of tests,
`make durations` after a run of `make test` and `make test-all`."""
TIMES = "Times are added up over tests; two run at once, so that a clock shows about half. `?` and `+`: nobody has \
measured it yet, or not all of it."
RULES = "A change asks for the suites of the first line that has its folder; a test or what tests share for its own \
suite, and for those that import it. What no line has asks for all."


def testing_page(root: Path) -> str:
    durations = Durations.read(root)
    found = {suite: modules(root, suite) for suite in SUITES}
    runs = [time for run, time in durations.runs.items() if run.startswith("daily/")]
    daily = _clock(sum(runs) + LINT if runs else None)
    whole = _clock(sum(map(durations.on_the_clock, SUITES)) + LINT)
    if any(module.path not in durations.of(suite) for suite, of in found.items() for module in of):
        whole = f"more than {whole}"
    parts = [
        INTRODUCTION.format(daily=daily, all=whole, cores=durations.cores),
        "## Suites",
        TIMES,
        _table(SUITE_ROW, (_suite(suite, of, durations) for suite, of in found.items())),
        "## What a change asks for",
        RULES,
        _table(("changed", "suites"), ((_code(line), names or "none") for line, names in SUBJECTS.items())),
    ]
    for suite, of in found.items():
        if suite.name != "compat":  # the modules of another one
            parts += [f"## {suite.name}", _table(MODULE_ROW, (_module(module, durations) for module in of))]
    return "\n\n".join(parts)


def _suite(suite: Suite, of: Sequence[Module], durations: Durations) -> tuple[str, ...]:
    daily = [module for module in of if module.daily and suite.name != "compat"]
    return (
        suite.name,
        _code(" ".join(suite.paths)) + "".join(f", {key}={value}" for key, value in suite.environment.items()),
        suite.needs,
        str(sum(module.daily for module in daily)),
        _sum(durations.daily, daily) if daily else "",
        str(sum(module.tests for module in of)),
        _sum(durations.of(suite), of),
    )


def _module(module: Module, durations: Durations) -> tuple[str, ...]:
    return (
        _code(module.path.removeprefix("tests/")),
        module.about.replace("|", "\\|"),
        str(module.daily),
        _clock(durations.daily.get(module.path)) if module.daily else "",
        str(module.tests),
        _clock(durations.all.get(module.path)),
        "; ".join(module.reasons).replace("|", "\\|"),
    )


def _sum(figures: Mapping[str, float], of: Sequence[Module]) -> str:
    known = [figures[module.path] for module in of if module.path in figures]
    return _clock(sum(known) if known else None) + ("+" if 0 < len(known) < len(of) else "")


def _clock(seconds: float | None) -> str:
    """As exact as such a figure is."""
    if seconds is None:
        return "?"  # nobody has measured it yet
    if seconds < 1:
        return "< 1 s"
    if seconds < 60:
        return f"{round(seconds) if seconds < 10 else 5 * round(seconds / 5)} s"
    return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{round(seconds / 30) / 2:g} min"


def _code(words: str) -> str:
    return " ".join(f"`{word}`" for word in words.split())


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows))
