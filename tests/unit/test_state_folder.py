"""Where the state lies, who can read it, and what is said when it can't be kept there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from orchestrator.errors import UserError
from orchestrator.state.folder import StateFolder, find_state
from orchestrator.state.record import Teardown, record_teardown, teardowns
from orchestrator.state.state import State

NOBODY = 65534


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_state_lies_beside_the_spec(tmp_path: Path) -> None:
    assert StateFolder.for_spec(tmp_path / "workshop.yaml", "llm").path == tmp_path / ".workshop" / "llm"


def test_the_state_lies_in_the_folder_that_was_named(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(Path("/elsewhere/workshop.yaml"), "llm", tmp_path)
    assert folder.path == tmp_path / "llm"


def test_a_relative_spec_gives_an_absolute_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert StateFolder.for_spec(Path("workshop.yaml"), "llm").path == tmp_path / ".workshop" / "llm"


def test_nothing_is_written_before_create(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")
    assert not folder.has_state
    assert list(tmp_path.iterdir()) == []


def test_everything_in_the_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")
    before = os.umask(0)
    try:
        State.open(folder).close()
    finally:
        os.umask(before)
    parts = (folder.path, folder.rendered, folder.handouts, folder.archives, folder.usage, folder.logs)
    assert {mode(part) for part in parts} == {0o700}
    assert {mode(file) for file in (folder.secret, folder.database)} == {0o600}


def test_a_folder_and_database_that_others_could_read_are_closed_to_them(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")
    State.open(folder).close()
    folder.path.chmod(0o755)
    folder.database.chmod(0o644)
    State.open(folder).close()
    assert (mode(folder.path), mode(folder.database)) == (0o700, 0o600)


def test_git_sees_nothing_of_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    State.open(StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")).close()
    seen = subprocess.run(["git", "-C", str(tmp_path), "status", "--short"], check=True, capture_output=True)
    assert seen.stdout == b""


# Places where it can't be


@pytest.fixture
def somebody_elses() -> Iterator[Path]:
    """A folder that this process may enter but not write: as root it becomes nobody for the while."""
    with TemporaryDirectory(dir="/tmp") as name:  # pytest's own folders are closed to nobody
        folder = Path(name)
        folder.chmod(0o555)
        me = os.geteuid()
        if me == 0:
            os.seteuid(NOBODY)
        yield folder
        os.seteuid(me)
        folder.chmod(0o755)


def test_a_folder_without_write_permission_is_one_clear_line(somebody_elses: Path) -> None:
    with pytest.raises(UserError, match="Permission denied") as refusal:
        State.open(StateFolder.for_spec(somebody_elses / "workshop.yaml", "llm"))
    assert refusal.value.code == "state_not_writable"
    assert str(refusal.value).startswith(f"{somebody_elses}/.workshop/llm: ")
    assert "--state-dir DIR" in str(refusal.value)
    assert list(somebody_elses.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / ".workshop").write_text("")
    with pytest.raises(UserError) as refusal:
        StateFolder.for_spec(tmp_path / "workshop.yaml", "llm").create()
    assert refusal.value.code == "state_not_writable"
    assert refusal.value.where.file == tmp_path / ".workshop" / "llm"


# Without a spec


def test_a_workshop_is_found_by_its_name_alone(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(Path("/gone/workshop.yaml"), "llm", tmp_path)
    with State.open(folder) as state:
        state.begin("llm", Path("/gone/workshop.yaml"))
    found = find_state("llm", tmp_path)
    assert found == folder
    with State.read(found) as state:
        assert state.meta is not None
        assert state.meta.spec_path == Path("/gone/workshop.yaml")


def test_an_unknown_name_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "llm").mkdir()
    with pytest.raises(UserError, match="There are: llm") as refusal:
        find_state("lmm", tmp_path)
    assert refusal.value.code == "state_unknown"


@pytest.mark.parametrize("name", ["", "..", "../llm", "/etc", "Llm", "a" * 64, "llm\n"])
def test_a_name_cannot_lead_out_of_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        find_state(name, tmp_path)
    assert refusal.value.code == "state_name"


# Forgetting


def test_forgetting_leaves_archives_usage_and_the_record_and_can_be_done_twice(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")
    State.open(folder).close()
    for file in (folder.archives / "chats.tar", folder.usage / "usage.csv", folder.handouts / "cards.pdf"):
        file.write_text("x")
    teardown = Teardown(
        at="2026-12-01T18:00:00+00:00",
        workshop="llm",
        deployment_id="d" * 32,
        spec_path="/gone/workshop.yaml",
        hosts=("front",),
        left=(),
    )
    record_teardown(folder, teardown)
    folder.forget()
    folder.forget()
    assert not folder.has_state
    left = sorted(str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file())
    assert left == [".gitignore", "archives/chats.tar", "teardowns.jsonl", "usage/usage.csv"]
    assert teardowns(folder) == (teardown,)


def test_an_unfinished_line_in_the_record_costs_that_line_only(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    teardown = Teardown(at="2026", workshop="llm", deployment_id=None, spec_path=None, hosts=(), left=("a volume",))
    folder.teardowns.write_text('{"at": "2025", "works')
    record_teardown(folder, teardown)
    assert teardowns(folder) == (teardown,)


def test_after_forgetting_a_new_workshop_has_a_new_id_and_a_new_secret(tmp_path: Path) -> None:
    folder = StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")
    seen = set()
    for _ in range(2):
        with State.open(folder) as state:
            seen.add((state.begin("llm", tmp_path / "workshop.yaml").deployment_id, state.secret))
        folder.forget()
    assert len(seen) == 2
