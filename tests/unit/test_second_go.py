"""What `make test-all` makes of a test that fails once on real machines, and of one that fails twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str]]
SCRIPT = Path(__file__).parents[1] / "second_go.sh"
NEEDED = Path(".pytest_cache/second_goes/weather")
ONCE = """
from pathlib import Path
def test_shaky():
    been = Path("been")
    first = not been.exists()
    been.touch()
    assert not first
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # three times as fast
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "pytest").write_text(f'#!/bin/sh\nexec {sys.executable} -m pytest "$@"\n')
    (tools / "pytest").chmod(0o755)

    def run(*modules: str) -> tuple[int, str]:
        suite = tmp_path / "suite"
        suite.mkdir()
        for number, tests in enumerate(modules):
            (suite / f"test_it{number or ''}.py").write_text(tests)
        done = subprocess.run([SCRIPT, "weather", "suite", "-q"], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return run


def test_what_passes_at_once_has_no_second_go(run: Run) -> None:
    code, said = run("def test_fine(): pass")
    assert (code, said.count("passed"), "second go" in said) == (0, 1, False)
    assert NEEDED.read_text() == ""


def test_what_fails_once_passes_and_is_named(run: Run) -> None:
    code, said = run(ONCE + "def test_fine(): pass")
    assert code == 0
    assert "second go: 1 tests of weather, with all of suite/test_it.py" in said
    assert "second go: passed now, and failed before: suite/test_it.py::test_shaky" in said
    assert "2 passed in" in said  # tests of a class follow on
    assert NEEDED.read_text() == "suite/test_it.py::test_shaky\n"


def test_what_failed_in_an_earlier_run_is_not_counted(run: Run) -> None:
    earlier = Path(".pytest_cache/weather/v/cache/lastfailed")
    earlier.parent.mkdir(parents=True)
    earlier.write_text('{"suite/test_gone.py::test_gone": true}')
    code, said = run(ONCE)
    assert code == 0
    assert "second go: 1 tests of weather, with all of suite/test_it.py" in said
    assert NEEDED.read_text() == "suite/test_it.py::test_shaky\n"


def test_what_fails_twice_fails(run: Run) -> None:
    code, said = run("def test_broken(): assert False")
    assert code == 1
    assert "passed now" not in said


def test_failures_everywhere_are_no_weather(run: Run) -> None:
    code, said = run(*["def test_broken(): assert False"] * 4)
    assert code == 1
    assert "second go: none, 4 tests of 4 modules failed" in said


def test_a_class_that_did_not_come_up_once_has_its_second_go(run: Run) -> None:
    begun = ONCE.replace("def test_shaky", "import pytest\n@pytest.fixture(scope='module')\ndef there")
    tests = "".join(f"def test_{number}(there): pass\n" for number in range(7))
    code, said = run(begun + tests, "def test_fine(): pass")
    assert code == 0
    assert "second go: 7 tests of weather, with all of suite/test_it.py" in said
    assert "7 passed in" in said  # not the other module's


def test_what_can_not_even_be_read_has_no_second_go(run: Run) -> None:
    code, said = run("import nothing_of_this_name")
    assert code == 2
    assert "second go" not in said
