"""The gateway's rules under Node.js, each test in a virtual machine of its own; tests/stack runs the same in nginx."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.unit.njs_rules import RULES, TESTS, cases, names, write_data, zones

Run = Callable[[str], dict[str, str | None]]


def run_file(file: str, *folders: Path) -> dict[str, str | None]:
    """Each test of a file -> None, or what was wrong."""
    command = ["node", "--no-warnings", "--experimental-vm-modules", str(TESTS / "run.mjs"), file, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    results: dict[str, str | None] = json.loads(done.stdout)
    return results


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed; tests/stack/gateway runs the same tests in nginx")
    data = tmp_path_factory.mktemp("data")
    write_data(data)
    return cache(lambda file: run_file(file, TESTS, RULES, data))


@pytest.mark.parametrize(("file", "name"), cases(), ids=lambda value: value)
def test_rules(run: Run, file: str, name: str) -> None:
    problem = run(file)[name]
    assert problem is None, problem


@pytest.mark.parametrize("file", sorted(TESTS.glob("*.test.js")), ids=lambda file: file.name)
def test_no_test_is_passed_over(run: Run, file: Path) -> None:
    assert sorted(run(file.name)) == sorted(names(file))


def test_the_dictionaries_are_those_of_the_gateway() -> None:
    assert {"used", "window", "slots", "changes"} <= set(zones())
    assert all("state=" not in directive for directive in zones().values())


def test_what_is_wrong_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.test.js").write_text(
        "import keys from 'keys.js';\nlet before = 0;\nexport default {\n"
        "    'good': () => { if (before++) { throw new Error('not a machine of its own'); } },\n"
        "    'also good': async () => { if (before++) { throw new Error('not a machine of its own'); } },\n"
        "    'bad': async () => { await null; keys.nothing(); },\n};\n",
        encoding="utf-8",
    )
    results = run_file("bad.test.js", tmp_path, RULES)
    assert results["good"] is None
    assert results["also good"] is None
    assert "nothing is not a function" in str(results["bad"])
