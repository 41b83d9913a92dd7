"""What CI runs beside `make test`: the suites whose subject changed since the last full run, and all of them in doubt."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.suites.choose import MARK, choose
from tests.suites.suites import NAMES, ROOT, SUBJECTS, SUITES, wanted_by

Commit = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


@pytest.fixture
def commit(root: Path) -> Commit:
    """Commits these files, some days ago, and returns the hash."""

    def commit(days: float, **files: str) -> str:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        git(root, "add", "--all")
        git(root, "commit", "-q", "--allow-empty", "-m", "change", at=int(time.time() - days * 86400))
        return git(root, "rev-parse", "HEAD")

    return commit


def git(root: Path, *arguments: str, at: int = 0) -> str:
    who = {f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    when = {f"GIT_{role}_DATE": f"{at} +0000" for role in ("AUTHOR", "COMMITTER") if at}
    environment = {**os.environ, **who, **when, "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(["git", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_changes_since_the_marked_commit_choose_and_say_why(root: Path, commit: Commit) -> None:
    tested = commit(9, **{"orchestrator/webui/seed.py": "old", "docs/guide.md": "old"})
    commit(8, **{MARK: f"{tested}\n", "docs/guide.md": "new"})
    commit(7, **{"orchestrator/webui/seed.py": "new", "compose/webui.yaml.j2": "new"})
    choice = choose(root)
    assert choice.compared == f"compared with {tested[:12]} (tests/fully-tested says that it is fully tested)"
    assert list(choice.why) == ["unit", "workshop", "webui", "compat"]
    assert set(choice.why.values()) == {"compose/webui.yaml.j2 and 1 more changed"}
    assert choice.others == ["gateway", "fleet", "edge", "images"]


def test_where_nothing_changed_since_the_marked_commit_nothing_is_chosen(root: Path, commit: Commit) -> None:
    tested = commit(9, **{"orchestrator/identity/keys.py": "old"})
    commit(0, **{MARK: tested, "tests/durations.json": "{}", "tests/second_goes.txt": ""})
    assert choose(root).why == {}


def test_a_file_that_is_gone_or_moved_asks_too(root: Path, commit: Commit) -> None:
    tested = commit(9, **{"playbooks/provision.yml": "the same text, moved"})
    git(root, "mv", "playbooks/provision.yml", "README.md")
    commit(0, **{MARK: tested})
    assert "fleet" in choose(root).why


def test_without_a_mark_changes_of_a_day_choose(root: Path, commit: Commit) -> None:
    old = commit(2, **{"orchestrator/identity/keys.py": "old"})
    commit(0, **{"orchestrator/identity/keys.py": "new"})
    choice = choose(root)
    assert choice.compared.startswith(f"compared with {old[:12]} (the newest of 1 day ago")
    assert list(choice.why) == ["unit", "gateway", "workshop", "edge"]


def test_a_mark_that_is_no_commit_here_is_passed_over(root: Path, commit: Commit) -> None:
    old = commit(2, **{MARK: "0" * 40})
    commit(0, **{"docs/guide.md": "new"})
    choice = choose(root)
    assert (choice.compared[:26], choice.why) == (f"compared with {old[:12]}", {})


def test_a_shallow_clone_is_in_doubt_and_runs_everything(root: Path, commit: Commit, tmp_path: Path) -> None:
    tested = commit(9, **{"docs/guide.md": "old"})
    commit(0, **{MARK: tested, "docs/guide.md": "new"})
    assert choose(root).why == {}
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", str(shallow))
    choice = choose(shallow)
    assert choice.compared == "no commit to compare with"
    assert list(choice.why) == list(NAMES)


def test_a_commit_of_last_week_without_a_mark_was_perhaps_never_tested(root: Path, commit: Commit) -> None:
    commit(7, **{"docs/guide.md": "old"})
    assert list(choose(root).why) == list(NAMES)


def test_outside_of_git_everything_runs(tmp_path: Path) -> None:
    assert list(choose(tmp_path).why) == list(NAMES)


def test_who_imports_what_tests_share_is_asked_too(root: Path, commit: Commit) -> None:
    shared = {"tests/unit/raw_http.py": "old", "tests/unit/test_raw.py": "old"}
    gateway = {"tests/stack/gateway/test_it.py": "from tests.unit.raw_http import ask\n", "tests/fleet/test_it.py": ""}
    tested = commit(9, **shared, **gateway)
    commit(0, **{MARK: tested, "tests/unit/raw_http.py": "new"})
    assert list(choose(root).why) == ["unit", "gateway"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("docs/guide.md", ()),
        ("tests/fleet/test_fleet_lock.py", ("fleet",)),
        ("tests/stack/webui/conftest.py", ("webui", "compat")),
        ("tests/stack/test_gateway_admin.py", ("gateway",)),
        ("templates/gateway/nginx.conf.j2", ("unit", "gateway", "workshop", "edge")),
        ("templates/guide/guide.html.j2", ("unit", "workshop")),
        ("compose/webui.yaml.j2", ("unit", "workshop", "webui", "compat")),
        ("compose/engine.yaml.j2", ("unit", "workshop", "fleet", "edge", "images")),
        ("orchestrator/something_new.py", ("unit", "workshop")),
        ("bootstrap/requirements.lock", NAMES),
        ("pyproject.toml", NAMES),
        ("Makefile", NAMES),
        (".ci/run", NAMES),
        ("tests/conftest.py", NAMES),
        ("tests/suites/choose.py", NAMES),
        ("something/new", NAMES),
    ],
)
def test_a_file_asks_for_the_suites_of_its_folder(path: str, names: tuple[str, ...]) -> None:
    assert wanted_by(path) == names


def test_the_table_names_suites_and_files_that_there_are() -> None:
    tracked = git(ROOT, "ls-files").splitlines() if (ROOT / ".git").exists() else []
    files = [file for subject in SUBJECTS for file in subject.split() if "tests/" not in file]
    assert [file for file in files if tracked and not any(f"{path}/".startswith(f"{file}/") for path in tracked)] == []
    assert {name for suites in SUBJECTS.values() for name in suites.split()} <= {*NAMES}


def test_every_test_belongs_to_one_suite() -> None:
    files = [file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")]
    homes = {file: [s.name for s in SUITES if s.holds(file) and s.name != "compat"] for file in files}
    assert len(files) > 200
    assert {file: home for file, home in homes.items() if len(home) != 1 and "/bench/" not in file} == {}
    assert [path for suite in SUITES for path in suite.paths if not (ROOT / path).exists()] == []
