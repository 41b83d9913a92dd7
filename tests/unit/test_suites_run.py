"""How suites run: under a limit, with what was left out before, and how CI's time is shared among them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suites import run as runner
from tests.suites import second_goes
from tests.suites.choose import MARK, Choice
from tests.suites.durations import Durations
from tests.suites.run import Ran, run, run_all, run_changed
from tests.suites.suites import NAMES, SUITES, Suite

UNKNOWN = Durations(2, {}, {}, {}, {})
PLAIN = Suite("plain", ("tests/plain",), options=())
Write = Callable[..., None]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a suite of one module, and the real script of second goes."""
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "pytest").write_text(f'#!/bin/sh\nexec {sys.executable} -m pytest "$@"\n')
    (tools / "pytest").chmod(0o755)
    (tmp_path / "tests" / "plain").mkdir(parents=True)
    (tmp_path / "tests" / "second_go.sh").symlink_to(Path(second_goes.__file__).parents[1] / "second_go.sh")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = full(reason): waits\n")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # three times as fast
    return tmp_path


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, float | None]:
    """The suites that would have run, and the seconds that each was left; all green."""
    found: dict[str, float | None] = {}

    def note(root: Path, suite: Suite, durations: Durations, left: float | None = None) -> Ran:
        found[suite.name] = left
        return Ran("green", 60)

    monkeypatch.setattr(runner, "run", note)
    return found


@pytest.fixture
def commit(root: Path) -> str:
    """The project is a repository with this one commit."""
    (root / "tests" / "durations.json").write_text('{"cores": 2, "daily": {}, "all": {}, "compat": {}, "runs": {}}')
    (root / "tests" / second_goes.FILE.rpartition("/")[2]).touch()
    (root / ".gitignore").write_text(".pytest_cache/\n.venv/\n")
    git(root, "init", "-q")
    return commit_all(root)


def commit_all(root: Path) -> str:
    git(root, "add", "--all")
    git(root, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "all")
    return git(root, "rev-parse", "HEAD").strip()


def commit_file(root: Path, path: str, text: str) -> str:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    return commit_all(root)


def git(root: Path, *command: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(
        ["git", *command], cwd=root, check=True, env=environment, capture_output=True, text=True
    ).stdout


def write(root: Path, tests: str) -> None:
    (root / "tests" / "plain" / "test_it.py").write_text(f"import os, pytest, time\n{tests}")


def needed(root: Path, suite: str, *tests: str) -> None:
    """As tests/second_go.sh leaves it."""
    file = root / ".pytest_cache" / "second_goes" / suite
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{test}\n" for test in tests))


TWO = """
def test_daily():
    assert os.environ["WORKSHOP_TEST_ALL"] == "1"
@pytest.mark.full("slow")
def test_slow():
    pass
"""


def test_all_of_a_suite_runs_and_leaves_its_durations(root: Path) -> None:
    write(root, TWO)
    assert run(root, PLAIN, UNKNOWN).how == "green"
    assert 'tests="2"' in (root / ".pytest_cache/junit/all/plain.xml").read_text()


def test_after_make_test_only_the_modules_of_which_it_left_something_out_run(root: Path) -> None:
    write(root, TWO)
    (root / "tests" / "plain" / "test_daily.py").write_text("def test_daily(): assert False")
    assert run(root, PLAIN, UNKNOWN, left=60).how == "green"
    assert 'tests="2"' in (root / ".pytest_cache/junit/rest/plain.xml").read_text()  # they may follow on
    write(root, "def test_daily(): assert False")
    assert run(root, PLAIN, UNKNOWN, left=60).how == "green"  # there is nothing to run


def test_a_suite_that_hangs_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ENDS_BEFORE", 1)
    write(root, "def test_hanging(): time.sleep(60)")
    begun = time.monotonic()
    assert run(root, PLAIN, UNKNOWN).how == "failed"
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(("failures", "how"), [(0, "not to its end"), (1, "failed")])
def test_a_suite_for_which_time_is_over_fails_only_by_what_failed(root: Path, failures: int, how: str) -> None:
    write(root, TWO)
    told = f'<testsuites><testsuite failures="{failures}" errors="0"/></testsuites>'  # by pytest when it is stopped
    (root / ".venv/bin/pytest").write_text(f"#!/bin/sh\nmkdir -p $(dirname $JUNIT)\necho '{told}' >$JUNIT\nsleep 60\n")
    assert run(root, PLAIN, UNKNOWN, left=1).how == how


def test_when_all_is_green_the_commit_is_marked(root: Path, commit: str, ran: dict[str, float | None]) -> None:
    assert run_all(root, []) == 0
    assert (list(ran), set(ran.values())) == (list(NAMES), {None})
    assert (root / MARK).read_text() == f"{commit}\n"


def test_files_that_no_commit_has_are_not_marked(root: Path, commit: str, ran: dict[str, float | None]) -> None:
    write(root, "")
    assert run_all(root, []) == 0
    assert not (root / MARK).exists()


def test_some_suites_mark_nothing(
    root: Path, commit: str, ran: dict[str, float | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_all(root, ["edge", "gateway"]) == 0
    assert list(ran) == ["gateway", "edge"]
    assert not (root / MARK).exists()
    assert "not green yet, or changed since: unit, workshop, fleet, webui, images, compat" in capsys.readouterr().out


def test_the_rest_may_follow_where_nothing_has_changed_that_the_first_ones_test(
    root: Path, commit: str, ran: dict[str, float | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_all(root, [name for name in NAMES if name != "edge"]) == 0
    later = commit_file(root, "tests/stack/edge/test_it.py", "# mended")
    assert run_all(root, ["edge"]) == 0
    assert (root / MARK).read_text() == f"{later}\n"
    (root / MARK).unlink()
    commit_file(root, "orchestrator/tls/pair.py", "# mended")
    assert run_all(root, ["edge"]) == 0
    assert not (root / MARK).exists()
    assert "not green yet, or changed since: unit, workshop, fleet\n" in capsys.readouterr().out


def test_a_suite_that_fails_was_green_no_more(
    root: Path, commit: str, ran: dict[str, float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_all(root, [name for name in NAMES if name != "edge"]) == 0
    monkeypatch.setattr(runner, "run", lambda *_: Ran("failed", 1))
    assert run_all(root, ["gateway"]) == 1
    monkeypatch.setattr(runner, "run", lambda *_: Ran("green", 1))
    assert run_all(root, ["edge"]) == 0
    assert not (root / MARK).exists()


def test_who_needs_a_second_go_twice_in_a_row_fails(
    root: Path, commit: str, ran: dict[str, float | None], capsys: pytest.CaptureFixture[str]
) -> None:
    needed(root, "gateway", "test_it.py::test_shaky")
    assert run_all(root, ["gateway"]) == 0
    assert "second go: gateway test_it.py::test_shaky\n" in capsys.readouterr().out
    assert run_all(root, ["fleet"]) == 0  # which tells nothing about the gateway's
    assert run_all(root, []) == 1
    assert (
        "second go: gateway test_it.py::test_shaky, as in the last `make test-all`: mend it" in capsys.readouterr().out
    )
    assert not (root / MARK).exists()
    needed(root, "gateway")
    assert run_all(root, ["gateway"]) == 0
    assert (root / second_goes.FILE).read_text() == ""


def test_ci_names_what_it_chose_what_not_and_what_time_did_not_allow(
    root: Path,
    commit: str,
    ran: dict[str, float | None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = Durations(2, {}, {"tests/fleet/test_it.py": 1200}, {}, {"all/fleet": 700})
    monkeypatch.setattr(Durations, "read", lambda root: measured)
    why = dict.fromkeys(["workshop", "fleet", "edge"], "orchestrator/a.py changed")
    monkeypatch.setattr(runner, "choose", lambda root: Choice("compared with abc", why))
    assert run_changed(root, time.time() - 65 * 60) == 0
    said = capsys.readouterr().out
    assert list(ran) == ["workshop", "edge"]
    assert 1070 < (ran["edge"] or 0) <= 1080  # until 83 minutes are over
    assert "ci: compared with abc" in said
    assert "ci: edge is chosen: orchestrator/a.py changed" in said
    assert "ci: nothing that these test has changed: unit, gateway, webui, images, compat" in said
    assert "tests: fleet: not run, for there is no time left\n" in said
    assert "tests: edge: green, 1.0 min" in said


def test_ci_fails_by_a_suite_that_fails(root: Path, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "choose", lambda root: Choice("", {"fleet": "", "edge": ""}))
    monkeypatch.setattr(runner, "run", lambda root, suite, *_: Ran("failed" if suite.name == "fleet" else "green", 1))
    assert run_changed(root, time.time()) == 1


def test_what_make_test_runs_in_another_way_has_no_rest() -> None:
    assert [suite.name for suite in SUITES if not suite.leaves_a_rest] == ["unit", "compat"]
