"""What runs took, kept by module, without noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suites.durations import Durations, recorded
from tests.suites.suites import SUITES

NONE = Durations(0, {}, {}, {}, {})
LOCK, EDGE = "tests/fleet/test_lock.py", "tests/stack/edge/test_edge.py"
FLEET, COMPAT = (next(suite for suite in SUITES if suite.name == name) for name in ("fleet", "compat"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (LOCK, EDGE):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    return tmp_path


def left(root: Path, run: str, took: float, **cases: tuple[float, ...]) -> None:
    """As pytest leaves it."""
    told = "".join(f'<testcase classname="{name}" time="{time}"/>' for name, times in cases.items() for time in times)
    file = root / ".pytest_cache" / "junit" / f"{run}.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'<testsuites><testsuite time="{took}">{told}</testsuite></testsuites>')


def test_a_modules_tests_are_added_up(root: Path) -> None:
    cases = {"tests.fleet.test_lock": (1.04, 2.0), "tests.fleet.test_lock.TestMany.Inner": (20.4,)}
    left(root, "daily/fleet", 15.5, **cases)
    left(root, "all/fleet", 40.2, **{**cases, "tests.fleet.test_gone": (1.0,)})
    left(root, "rest/fleet", 9.0, **{"tests.fleet.test_lock": (9.0,)})  # what CI runs of it is no whole
    assert recorded(root, NONE, 2) == Durations(2, {LOCK: 23}, {LOCK: 23}, {}, {"all/fleet": 40, "daily/fleet": 16})


def test_figures_of_what_did_not_run_stay_and_noise_does_not_count(root: Path) -> None:
    before = Durations(2, {LOCK: 8, EDGE: 9}, {LOCK: 20, EDGE: 5, "tests/gone.py": 1}, {}, {"all/fleet": 10})
    left(root, "all/fleet", 12.4, **{"tests.fleet.test_lock": (26.0,)})
    assert recorded(root, before, 2) == Durations(2, before.daily, {LOCK: 26, EDGE: 5}, {}, {"all/fleet": 10})
    left(root, "all/fleet", 12.6, **{"tests.fleet.test_lock": (24.0,)})
    now = recorded(root, before, 2)
    assert (now.all[LOCK], now.runs) == (20, {"all/fleet": 13})


def test_a_module_that_is_for_every_day_no_more_has_no_daily_figure(root: Path) -> None:
    before = Durations(2, {LOCK: 8, "tests/fleet/test_other.py": 1}, {}, {}, {})
    (root / "tests/fleet/test_other.py").touch()
    left(root, "daily/fleet", 1, **{"tests.fleet.test_other": (1.0,)})
    assert recorded(root, before, 2).daily == {"tests/fleet/test_other.py": 1}


def test_what_make_test_leaves_of_a_suite_takes_its_share_of_the_time() -> None:
    durations = Durations(2, {LOCK: 30}, {LOCK: 100, EDGE: 7}, {}, {"all/fleet": 60, "all/compat": 80})
    assert durations.on_the_clock(FLEET) == 60
    assert durations.on_the_clock(FLEET, rest=True) == pytest.approx(42)
    assert durations.on_the_clock(COMPAT) == 80
    assert NONE.on_the_clock(FLEET, rest=True) == 0
