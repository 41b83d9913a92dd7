"""Tests and their markers, read from the source."""

from __future__ import annotations

import pytest

from tests.suites.marks import modules, read
from tests.suites.suites import ROOT, SUITES

MIXED = '''
"""What it is about,
in two lines.

And more."""
import pytest

def helper(): ...
async def test_daily(): ...
@pytest.mark.full("slow " "and proved by test_daily")
def test_slow(): ...
@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.full("as the first"))])
def test_cases(n): ...
@pytest.mark.full("slow and proved by test_daily")
class TestMany:
    def test_one(self): ...
    def test_two(self): ...
    def helper(self): ...
TestMachine = helper
'''


def test_tests_are_counted_with_what_they_wait_for() -> None:
    module = read(MIXED, "test_it.py")
    assert (module.tests, module.daily) == (6, 3)  # the cases count once, and one of them is for every day
    assert module.reasons == ("slow and proved by test_daily", "as the first")
    assert module.about == "What it is about, in two lines."


@pytest.mark.parametrize("mark", ['pytest.mark.full("slow")', '[pytest.mark.full("slow")]'])
def test_a_mark_of_the_module_is_that_of_all_its_tests(mark: str) -> None:
    module = read(f"pytestmark = {mark}\ndef test_a(): ...\ndef test_b(): ...", "test_it.py")
    assert (module.tests, module.daily, module.reasons) == (2, 0, ("slow",))


@pytest.mark.parametrize("mark", ["full()", 'full("")', "full(WHY)", 'full(reason="x")', "full"])
def test_a_mark_says_why(mark: str) -> None:
    with pytest.raises(ValueError, match=r"^test_it\.py:2: pytest\.mark\.full\(\.\.\.\) says why, in one text$"):
        read(f"import pytest\n@pytest.mark.{mark}\ndef test_a(): ...", "test_it.py")


def test_each_suite_has_tests_for_every_day_and_says_what_they_are_about() -> None:
    found = {suite.name: modules(ROOT, suite) for suite in SUITES}
    assert [name for name, suite in found.items() if not any(module.daily for module in suite)] == []
    assert [module.path for suite in found.values() for module in suite if not (module.tests and module.about)] == []
