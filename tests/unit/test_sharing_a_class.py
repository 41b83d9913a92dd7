"""Tests that look at one and the same class of tests/stack/workshop run in one process, side by side with the others."""

from __future__ import annotations

import re

from tests.conftest import SHARE_A_CLASS
from tests.suites.suites import ROOT

USES_IT = re.compile(r"\b(?:main: Workshop|first: Provisioned)\b")


def test_the_files_that_share_a_class_are_those_that_ask_for_it() -> None:
    files = {file.as_posix(): file.read_text(encoding="utf-8") for file in (ROOT / "tests/stack").rglob("test_*.py")}
    asking = {file for file, text in files.items() if USES_IT.search(text)}
    assert len(asking) == 4
    assert asking == {file for file in files if SHARE_A_CLASS.search(file)}
