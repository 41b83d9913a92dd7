"""What is made once for all tests of a process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.inventory import reading
from tests.unit.ready_ansible import Ready, ready_ansible


@pytest.fixture(scope="session")
def _ready() -> Iterator[Ready]:
    with tempfile.TemporaryDirectory(prefix="ansible-") as folder, ready_ansible(Path(folder)) as ready:
        yield ready


@pytest.fixture
def ansible_is_ready(_ready: Ready, monkeypatch: pytest.MonkeyPatch) -> Ready:
    """Inventories are read in forks of one process."""
    monkeypatch.setattr(reading, "PROGRAM", _ready.relay)
    return _ready


@pytest.fixture
def ansible_of_its_own(ansible_is_ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a module has `ansible_is_ready`: this test is of the process itself."""
    monkeypatch.setattr(reading, "PROGRAM", ansible_is_ready.original)
