"""A file is replaced whole or not at all, with the mode that it should have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.aside import name_aside
from orchestrator.durable import replace_file


def test_it_is_whole_with_its_mode_and_nothing_is_left_aside(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(b"old")
    name_aside(file).write_bytes(b"of a run that was killed")
    before = os.umask(0o277)
    try:
        replace_file(file, b"new", 0o600)
    finally:
        os.umask(before)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_who_reads_the_old_one_goes_on_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(b"old")
    with file.open("rb") as reader:
        replace_file(file, b"new", 0o644)
        assert reader.read() == b"old"
    assert file.read_bytes() == b"new"


def test_where_it_cannot_be_done_what_was_there_stands_and_nothing_is_left_aside(tmp_path: Path) -> None:
    folder = tmp_path / "policy.json"
    (folder / "kept").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        replace_file(folder, b"new", 0o600)
    assert [path.name for path in tmp_path.rglob("*")] == ["policy.json", "kept"]
