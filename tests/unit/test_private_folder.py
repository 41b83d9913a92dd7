"""Folders of one command: gone at its end, and those of killed ones with the next; nobody else's are touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from orchestrator.private_folder import ANSIBLE, SOCKETS, PrivateFolder

HOLD = "import time; from orchestrator.private_folder import *; print(PrivateFolder(ANSIBLE).path, flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_it_is_private_and_goes_with_what_is_in_it(place: Path) -> None:
    own = PrivateFolder(ANSIBLE)
    (own.path / "deeper").mkdir()
    assert own.path.parent == place
    assert own.path.stat().st_mode & 0o777 == 0o700
    own.remove()
    assert list(place.iterdir()) == []


def test_a_short_one_lies_elsewhere_where_the_place_has_a_long_name() -> None:
    own = PrivateFolder(SOCKETS, short=True)
    assert own.path.parent == Path("/tmp")
    own.remove()


def test_one_in_use_stays_and_that_of_a_killed_command_goes(place: Path) -> None:
    strangers = [place / "workshop-ansible-of-somebody", place / "workshop-2026", place / "other"]
    for folder in strangers:
        folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        held = Path(holder.stdout.readline().strip())
        PrivateFolder(SOCKETS).remove()
        assert held.is_dir()
        os.kill(holder.pid, signal.SIGKILL)
    PrivateFolder(SOCKETS).remove()
    assert sorted(place.iterdir()) == sorted(strangers)


@pytest.mark.parametrize("late", [False, True])
def test_one_that_another_command_sweeps_before_it_is_locked_is_made_again(
    monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    taken: list[Path] = []
    opened = os.open

    def swept(path: Path | str, flags: int, *mode: int) -> int:
        """The first is gone before it is opened, or just after."""
        if taken or not isinstance(path, Path):  # tempfile's own are strings
            return opened(path, flags, *mode)
        taken.append(path)
        if not late:
            path.rmdir()
        lock = opened(path, flags)
        if late:
            path.rmdir()
        return lock

    monkeypatch.setattr(os, "open", swept)
    own = PrivateFolder(ANSIBLE)
    assert own.path.is_dir()
    assert taken != [own.path]
    own.remove()
