"""What belongs to the operator's machine: WORKSHOP_* variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.settings import read_settings


def test_without_variables_the_usual_places_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WORKSHOP_STATE_DIR", "WORKSHOP_STACK_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert read_settings().state_dir is None
    assert read_settings().stack_dir == tmp_path / ".local/share/workshop"


def test_variables_name_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_STATE_DIR", "/srv/state")
    monkeypatch.setenv("WORKSHOP_STACK_DIR", "/srv/stacks")
    assert (read_settings().state_dir, read_settings().stack_dir) == (Path("/srv/state"), Path("/srv/stacks"))


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the folder where the command happens to run."""
    monkeypatch.setenv("WORKSHOP_STATE_DIR", "")
    assert read_settings().state_dir is None


@pytest.mark.parametrize("value", ["many", "0", "65"])
def test_a_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WORKSHOP_WEBUI_CONCURRENCY", value)
    with pytest.raises(UserError, match="WORKSHOP_WEBUI_CONCURRENCY"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("NVIDIA_KEY", "F796ECB0"), ("NVIDIA_REPOSITORY", "ftp://a"), ("NVIDIA_REPOSITORY", "http://a\nSuites: x")],
)
def test_a_packages_place_and_its_key_are_whole(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"WORKSHOP_{name}", value)
    with pytest.raises(UserError, match=f"WORKSHOP_{name}"):
        read_settings()
