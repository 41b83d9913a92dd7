"""Runs suites, each under a limit of its own, and says how each went.

python -m tests.suites.run                   all of them: what `make test-all` does after linting
python -m tests.suites.run gateway webui     these
python -m tests.suites.run --changed SINCE   what the changes ask for and `make test` has not run; SINCE: when CI began
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.suites import green, second_goes
from tests.suites.choose import MARK, choose
from tests.suites.durations import Durations
from tests.suites.marks import modules
from tests.suites.suites import CACHE, NAMES, ROOT, SUITES, Suite

BEGINS_BEFORE = 75 * 60  # seconds after CI began; it is ended from outside after 90 minutes
ENDS_BEFORE = 83 * 60
ENOUGH = 3  # times as long as it took when it was measured, and ten minutes: it hangs
NOTHING_TO_RUN = 5  # pytest's exit code
TO_CLEAN_UP = 90
SLOWEST = ("--durations=20", "--durations-min=10")


@dataclass(frozen=True)
class Ran:
    """How a suite went: `green`, `failed`, or `not to its end`, when CI's time was over."""

    how: str
    seconds: float


def run(root: Path, suite: Suite, durations: Durations, left: float | None = None) -> Ran:
    """All of a suite; with `left`, the seconds that CI has, only the modules of which `make test` leaves something out.

    Those are run whole: the tests of a class follow on.
    """
    rest = left is not None and suite.leaves_a_rest
    usual = durations.on_the_clock(suite, rest=rest)
    patience = ENOUGH * usual + 600 if usual else ENDS_BEFORE
    limit = patience if left is None else min(patience, left)
    junit = CACHE / "junit" / ("rest" if rest else "all") / f"{suite.name}.xml"
    (root / junit).unlink(missing_ok=True)
    start = ["tests/second_go.sh", suite.name] if suite.second_go else [".venv/bin/pytest", f"--junitxml={junit}"]
    paths = [one.path for one in modules(root, suite) if one.reasons] if rest else suite.paths
    if not paths:
        return Ran("green", 0)
    command = [*start, *paths, *suite.options, *SLOWEST]
    environment = {"WORKSHOP_TEST_ALL": "1", "JUNIT": str(junit), **suite.environment}
    begun = time.monotonic()
    code = _end_of(command, root, environment, limit)
    seconds = time.monotonic() - begun
    if code in {0, NOTHING_TO_RUN}:
        return Ran("green", seconds)
    if code is None and limit < patience and not failures(root / junit):
        return Ran("not to its end", seconds)
    return Ran("failed", seconds)


def _end_of(command: list[str], root: Path, environment: Mapping[str, str], limit: float) -> int | None:
    """The exit code; None where it had to be stopped, with all that it had started."""
    with subprocess.Popen(command, cwd=root, env={**os.environ, **environment}, process_group=0) as process:
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            print(f"tests: stopped after {limit / 60:.0f} min: {shlex.join(command)}", flush=True)
            _stop(process)
            return None
        except KeyboardInterrupt:
            _stop(process)
            raise


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does, so that fixtures clean up and pytest tells what it knows."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(TO_CLEAN_UP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def failures(junit: Path) -> int:
    """Of a run that was stopped; 0 where it left no file."""
    if not junit.is_file():
        return 0
    suites = ET.parse(junit).getroot().iter("testsuite")  # noqa: S314 - pytest wrote it here
    return sum(int(suite.get(kind, 0)) for suite in suites for kind in ("failures", "errors"))


def run_all(root: Path, names: Iterable[str]) -> int:
    """These suites to their ends, or all of them. Once none is left, the commit is marked as fully tested."""
    chosen = [suite for suite in SUITES if suite.name in (names or NAMES)]
    commit, durations = clean_commit(root), Durations.read(root)
    ran = {suite.name: run(root, suite, durations) for suite in chosen}
    tell(ran)
    twice = second_goes.tell(root, ran)
    second_goes.write(root, ran)
    needed_twice = {line.split(" ")[0] for line in twice}
    good = [name for name, one in ran.items() if one.how == "green" and name not in needed_twice]
    green.forget(root, ran)
    if commit and commit == clean_commit(root, but=second_goes.FILE):
        green.note(root, good, commit)
        if left := green.missing(root):
            print(f"tests: not green yet, or changed since: {', '.join(left)}")
        else:
            (root / MARK).write_text(f"{commit}\n", encoding="utf-8")
            print(f"tests: all green; commit {MARK} and {second_goes.FILE}")
    else:
        print(f"tests: {MARK} stays: the files are not those of one commit")
    return 0 if good == list(ran) else 1


def run_changed(root: Path, begun: float) -> int:
    """What the changes ask for, in order, while CI's time lasts; what did not run is named and fails nothing."""
    choice, durations = choose(root), Durations.read(root)
    print(f"ci: {choice.compared}")
    for name, why in choice.why.items():
        print(f"ci: {name} is chosen: {why}")
    if choice.others:
        print(f"ci: nothing that these test has changed: {', '.join(choice.others)}", flush=True)
    ran: dict[str, Ran] = {}
    for suite in (suite for suite in SUITES if suite.name in choice.why):
        spent = time.time() - begun
        if spent + durations.on_the_clock(suite, rest=suite.leaves_a_rest) > BEGINS_BEFORE:
            ran[suite.name] = Ran("not run, for there is no time left", 0)
        else:
            ran[suite.name] = run(root, suite, durations, ENDS_BEFORE - spent)
    tell(ran)
    second_goes.tell(root, (name for name, one in ran.items() if one.seconds))
    return 1 if any(one.how == "failed" for one in ran.values()) else 0


def tell(ran: Mapping[str, Ran]) -> None:
    for name, one in ran.items():
        print(f"tests: {name}: {one.how}" + (f", {one.seconds / 60:.1f} min" if one.seconds else ""), flush=True)


def clean_commit(root: Path, but: str = "") -> str:
    """The commit whose files these are; empty where a file differs from it."""
    status = _git(root, "status", "--porcelain", *(("--", ".", f":!{but}") if but else ()))
    return "" if status.strip() else _git(root, "rev-parse", "HEAD").strip()


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.suites.run")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(NAMES))
    parser.add_argument("--changed", type=float, metavar="SINCE")
    given = parser.parse_args(arguments)
    if unknown := sorted({*given.suites} - {*NAMES}):
        parser.error(f"no suite is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return run_all(ROOT, given.suites) if given.changed is None else run_changed(ROOT, given.changed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
