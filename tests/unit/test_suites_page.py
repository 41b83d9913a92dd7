"""docs/testing.md, as it is made of tests and figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.suites.page import testing_page as page

RUNS = {"daily/unit": 63.0, "daily/classes": 484.0, "all/fleet": 1000.0}
LOCK, NEW = "tests/fleet/test_lock.py", "tests/fleet/test_new.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / LOCK).parent.mkdir(parents=True)
    (tmp_path / LOCK).write_text(
        '"""Who | waits."""\nimport pytest\ndef test_a(): ...\n@pytest.mark.full("slow")\ndef test_b(): ...\n'
    )
    measured(tmp_path, daily=12, whole=61)
    return tmp_path


def measured(root: Path, daily: float, whole: float, runs: dict[str, float] = RUNS) -> None:
    figures = {"cores": 2, "daily": {LOCK: daily}, "all": {LOCK: whole}, "compat": {}, "runs": runs}
    (root / "tests" / "durations.json").write_text(json.dumps(figures))


def test_a_module_stands_there_with_its_tests_times_and_reasons(root: Path) -> None:
    assert "| `fleet/test_lock.py` | Who \\| waits. | 1 | 10 s | 2 | 1 min | slow |" in page(root)


def test_commands_take_what_their_runs_took(root: Path) -> None:
    assert "It takes 10 min on 2 cores" in page(root)
    assert "`make test-all` (18 min) is" in page(root)


def test_what_nobody_has_measured_is_no_zero(root: Path) -> None:
    (root / NEW).write_text('"""New."""\ndef test_new(): ...\n')
    text = page(root)
    assert "| `fleet/test_new.py` | New. | 1 | ? | 1 | ? |  |" in text
    assert "| 2 | 10 s+ | 3 | 1 min+ |" in text
    assert "(more than 18 min)" in text
    measured(root, daily=12, whole=61, runs={})
    assert "It takes ? on" in page(root)


def test_a_figure_that_moved_a_little_is_the_same_on_the_page(root: Path) -> None:
    before = page(root)
    measured(root, daily=11, whole=64)
    assert page(root) == before
    measured(root, daily=21, whole=64)
    assert page(root) != before
