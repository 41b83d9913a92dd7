"""The workshop's secret is made once, stays private, and is never replaced by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.state import secret as secret_module
from orchestrator.state.folder import StateFolder
from orchestrator.state.secret import ensure_secret, load_secret
from orchestrator.state.state import State


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")
    made.create()
    return made


def test_it_is_256_bits_in_a_private_file_and_the_same_each_time(folder: StateFolder) -> None:
    secret = ensure_secret(folder)
    assert len(secret) == 32
    assert folder.secret.stat().st_mode & 0o777 == 0o600
    assert ensure_secret(folder) == load_secret(folder) == secret


def test_two_workshops_have_two_secrets(tmp_path: Path) -> None:
    secrets = set()
    for name in ("one", "two"):
        folder = StateFolder.for_spec(tmp_path / "workshop.yaml", name)
        folder.create()
        secrets.add(ensure_secret(folder))
    assert len(secrets) == 2


def test_making_it_leaves_nothing_beside_it(folder: StateFolder) -> None:
    ensure_secret(folder)
    assert [path.name for path in folder.path.iterdir() if "secret" in path.name] == ["secret"]


def test_who_comes_second_takes_the_first_ones_secret(folder: StateFolder) -> None:
    folder.secret.write_bytes(b"1" * 32)
    folder.secret.chmod(0o600)
    secret_module._create(folder.secret, b"2" * 32)
    assert load_secret(folder) == b"1" * 32


def test_a_lost_secret_is_never_replaced_while_there_is_a_database(folder: StateFolder) -> None:
    State.open(folder).close()
    folder.secret.unlink()
    for attempt in (State.open, State.read):
        with pytest.raises(UserError) as refusal:
            attempt(folder)
        assert refusal.value.code == "secret_missing"
    assert not folder.secret.exists()


def test_a_crash_between_secret_and_database_keeps_the_secret(folder: StateFolder) -> None:
    secret = ensure_secret(folder)
    with State.open(folder) as state:
        assert state.secret == secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused_with_the_remedy(mode: int, folder: StateFolder) -> None:
    ensure_secret(folder)
    folder.secret.chmod(mode)
    with pytest.raises(UserError, match=f"chmod 600 {folder.secret}") as refusal:
        load_secret(folder)
    assert refusal.value.code == "secret_exposed"


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_secret_of_the_wrong_length_is_refused_and_kept(content: bytes, folder: StateFolder) -> None:
    folder.secret.write_bytes(content)
    folder.secret.chmod(0o600)
    with pytest.raises(UserError) as refusal:
        ensure_secret(folder)
    assert refusal.value.code == "secret_invalid"
    assert folder.secret.read_bytes() == content


def test_an_error_about_the_secret_does_not_show_it(folder: StateFolder) -> None:
    folder.secret.write_bytes(b"sentinel-of-the-wrong-length")
    folder.secret.chmod(0o600)
    with pytest.raises(UserError) as refusal:
        load_secret(folder)
    assert "sentinel" not in str(refusal.value)
