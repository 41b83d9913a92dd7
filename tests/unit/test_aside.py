"""What is written aside: a process killed over it leaves nothing that the next command does not take away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import orchestrator
from orchestrator.aside import MARK, folder_aside, name_aside, new_aside, sweep
from orchestrator.durable import replace_file
from orchestrator.errors import UserError
from orchestrator.handover import sealed
from orchestrator.private_folder import LOGS, SOCKETS, WHEEL, PrivateFolder
from orchestrator.state.folder import StateFolder
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from tests.unit.handover_class import give, make_class, take

SAMPLES = Path(__file__).parent
# Says so and waits, instead of putting the file whose name is argv[2] into its place: all of it is written by then.
STOP = """
import os, sys, time
from pathlib import Path
from orchestrator import durable
from orchestrator.state.folder import StateFolder
folder, waited_for, named = StateFolder(Path(sys.argv[1])), sys.argv[2], sys.argv[3] == "named"
if named:
    durable.UNNAMED = 0
def stop(event, arguments):
    if event in {"os.rename", "os.link"} and Path(os.fsdecode(arguments[1])).name == waited_for:
        print("aside", flush=True)
        sys.stdin.read(1)
sys.addaudithook(stop)
"""
# In the state's folder, by what comes to stand there.
IN_STATE = {
    "chats.tar.gz": """
from datetime import datetime, UTC
from orchestrator.archive.writer import new_archive
with new_archive(folder.archives / waited_for, datetime.now(UTC)) as archive:
    archive.text("chats/p01.md", "what somebody asked")
""",
    "cards.pdf": "durable.replace_file(folder.handouts / waited_for, b'cards', 0o600)",
    "workshop-ca.crt": "from orchestrator.tls.store import write_private\nwrite_private(folder.tls / waited_for, b'ca')",
    "mine": """
from pydantic import SecretStr
from orchestrator.state.state import State
with State.open(folder) as state:
    state.connections.keep_key(waited_for, SecretStr("sk"))
""",
    "secret": """
from orchestrator.state.secret import ensure_secret
for file in (folder.secret, folder.database):
    file.unlink()
ensure_secret(folder)
""",
    "compose.yaml": """
from orchestrator.render.files import File, write_tree
write_tree(folder.rendered / "front", {waited_for: File(b"services:")})
""",
    "tiny.gguf": """
from orchestrator.workflow.wanted.synthetic import _read
_read(folder.rendered / ".cache", "models/tiny.gguf")
""",
    "checkpoint": """
from orchestrator.workflow.wanted.synthetic import _read
_read(folder.rendered / ".cache", "models/checkpoint")
""",
    "model-sizes.json": """
from orchestrator.workflow.wanted.sizes import _keep
_keep(folder, {})
""",
    "handed-over.json": """
from orchestrator.state.handed_over import HandedOver, hand_over
hand_over(folder, HandedOver("2026", "me@here", "x"))
""",
    "lock.json": """
from orchestrator.state.lock import workshop_lock
with workshop_lock(folder, "provision"):
    pass
""",
}
# Where the user said.
ELSEWHERE = {
    "demo.workshop": """
from tests.unit.handover_class import give
from orchestrator.handover import sealed
sealed._COST = 2
give(folder.path.parents[1], folder.path.parents[2] / waited_for)
""",
    "chats.tar.gz": """
from datetime import datetime, UTC
from orchestrator.archive.writer import new_archive
with new_archive(folder.path.parents[2] / waited_for, datetime.now(UTC)) as archive:
    archive.text("chats/p01.md", "what somebody asked")
""",
    "demo.images.tar.zst": "durable.new_file(folder.path.parents[2] / waited_for, [b'layers'], 0o644)",
    "demo-doctor.tar.gz": """
from orchestrator.doctor.bundle import write_bundle
from orchestrator.redaction.redactor import Redactor
write_bundle(folder.path.parents[2] / waited_for, "demo", {"a": "b"}, Redactor([]))
""",
}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_COST", 2)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder.for_spec(make_class(tmp_path) / "workshop.yaml", "demo")
    made.create()
    return made


@contextmanager
def writing(program: str, folder: StateFolder, name: str, kind: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has written all of it aside, and waits for a word before it puts it into its place."""
    paths = os.pathsep.join([str(Path(orchestrator.__file__).parents[1]), str(SAMPLES)])
    with subprocess.Popen(
        [sys.executable, "-c", STOP + program, str(folder.path), name, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "aside\n"
        try:
            yield child
        finally:
            if child.poll() is None:
                child.communicate(timeout=20)


def killed(program: str, folder: StateFolder, name: str, kind: str) -> None:
    with writing(program, folder, name, kind) as child:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=20)


def lying_aside(place: Path) -> list[str]:
    """Whatever does not stand there by the name that it should have."""
    found = (str(path.relative_to(place)) for path in place.rglob("*"))
    mine = (".gitignore", ".workshop", ".cache")
    return sorted(name for name in found if any(part.startswith(".") and part not in mine for part in Path(name).parts))


@pytest.mark.parametrize("kind", ["unnamed", "named"])
@pytest.mark.parametrize("name", IN_STATE)
def test_after_a_kill_the_next_command_under_the_lock_leaves_nothing_in_the_state(
    folder: StateFolder, name: str, kind: str
) -> None:
    killed(IN_STATE[name], folder, name, kind)
    with workshop_lock(folder, "provision"):
        assert lying_aside(folder.path.parents[2]) == []
        assert [path for path in folder.path.iterdir() if path.name.endswith(".new")] == []


@pytest.mark.parametrize("name", ELSEWHERE)
def test_after_a_kill_nothing_stands_where_the_user_said(folder: StateFolder, name: str) -> None:
    killed(ELSEWHERE[name], folder, name, "unnamed")
    left = [path for path in lying_aside(folder.path.parents[2]) if not path.startswith("first/.workshop/demo/.export")]
    assert left == []
    assert not (folder.path.parents[2] / name).exists()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_on_a_disk_that_needs_a_name_the_same_command_takes_it_away(folder: StateFolder, name: str) -> None:
    killed(ELSEWHERE[name], folder, name, "named")
    place = folder.path.parents[2]
    assert [left.startswith(f".{name}.") for left in lying_aside(place) if left.endswith(MARK)] == [True]
    with writing(ELSEWHERE[name], folder, name, "unnamed"):
        pass
    assert lying_aside(place) == []
    assert (place / name).is_file()


def test_copies_of_an_export_that_was_killed_go_with_the_next_lock(folder: StateFolder) -> None:
    killed(ELSEWHERE["demo.workshop"], folder, "demo.workshop", "unnamed")
    assert (folder.path / ".export" / "state.sqlite3").is_file()
    with workshop_lock(folder, "provision"):
        assert lying_aside(folder.path.parents[2]) == []


@pytest.mark.parametrize("apart", [False, True])
def test_what_a_killed_import_unpacked_goes_with_the_next_lock(tmp_path: Path, apart: bool) -> None:
    """It has the secret in it. The spec may lie apart from the state."""
    file = give(make_class(tmp_path), tmp_path / "x.workshop").file
    second = tmp_path / "second"
    base = tmp_path / "states" if apart else second / ".workshop"
    program = f"""
from tests.unit.handover_class import take
from orchestrator.handover import sealed
sealed._COST = 2
take(Path({str(file)!r}), Path({str(second)!r}), state_dir=Path({str(base)!r}))
"""
    killed(program, StateFolder(base / "demo"), "demo", "unnamed")
    assert list(base.rglob("secret")) != []
    with workshop_lock(StateFolder(base / "demo"), "provision"):
        assert [path.name for path in base.iterdir()] == ["demo"]
        assert lying_aside(second) == []
        assert [*base.rglob("secret"), *second.rglob("secret")] == []


@pytest.mark.parametrize("name", ["chats.tar.gz", "checkpoint"])
def test_what_a_process_at_work_writes_stays_and_arrives(folder: StateFolder, name: str) -> None:
    with writing(IN_STATE[name], folder, name, "named") as child:
        with workshop_lock(folder, "provision"):
            assert [left for left in lying_aside(folder.path) if left.endswith(MARK)] != []
        child.communicate(timeout=20)
        assert child.returncode == 0
    assert next(folder.path.rglob(name)).exists()
    assert lying_aside(folder.path) == []


def test_two_who_write_the_same_file_at_once_both_end_well(folder: StateFolder) -> None:
    name = "cards.pdf"
    with writing(IN_STATE[name], folder, name, "named") as child:
        replace_file(folder.handouts / name, b"other", 0o600)
        child.communicate(timeout=20)
        assert child.returncode == 0
    assert (folder.handouts / name).read_bytes() == b"cards"


def test_names_of_older_versions_go_too_but_only_where_the_program_writes(folder: StateFolder) -> None:
    old = [folder.archives / ".demo-2026.tar.gz.new", folder.path / ".secret.4711", folder.rendered / ".front.tar"]
    own = [folder.path.parents[1] / ".notes.new", folder.archives / "mine.new", folder.archives / "out" / ".x.new"]
    for file in (*old, *own):
        file.parent.mkdir(exist_ok=True)
        file.write_text("x", encoding="utf-8")
    with workshop_lock(folder, "provision"):
        assert [file for file in old if file.exists()] == []
        assert [file for file in own if not file.exists()] == []


def test_somebodys_own_files_links_and_folders_of_such_a_name_stay(tmp_path: Path) -> None:
    own = [tmp_path / ".x.new", tmp_path / f"x.0123abcd{MARK}", tmp_path / f".y.0123abcd{MARK}"]
    for file in own:
        file.write_text("mine", encoding="utf-8")
    name_aside(tmp_path / "x").symlink_to(own[0])
    sweep(tmp_path, of="x")
    assert sorted(tmp_path.iterdir()) == sorted([*own, *tmp_path.glob(".x.*.workshop.new")])
    assert len(list(tmp_path.iterdir())) == 4


def test_a_handed_over_state_is_swept_before_the_command_refuses(folder: StateFolder, tmp_path: Path) -> None:
    give(folder.path.parents[1], tmp_path / "x", hand_over=True)
    killed(IN_STATE["chats.tar.gz"], folder, "chats.tar.gz", "named")
    with pytest.raises(UserError, match="handed over"), workshop_lock(folder, "provision"):
        raise AssertionError
    assert lying_aside(folder.path) == []


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    opened = os.open

    def swept(path: Path, flags: int, mode: int) -> int:
        file = opened(path, flags, mode)
        if not taken:
            taken.append(path.name)
            path.unlink()
        return file

    monkeypatch.setattr(os, "open", swept)
    file, aside = new_aside(tmp_path / "x", 0o600)
    os.close(file)
    assert taken != [aside.name]
    assert aside.is_file()


def test_a_folder_aside_has_one_user_and_is_empty_at_first(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "of a killed one").mkdir()
    with folder_aside(tmp_path / "own") as own:
        assert [path.name for path in own.iterdir()] == ["lock"]
        with pytest.raises(BlockingIOError), folder_aside(tmp_path / "own"):
            raise AssertionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("prefix", [LOGS, WHEEL])
def test_temporary_folders_of_killed_commands_go_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = f"""
import tempfile
tempfile.tempdir = {str(tmp_path)!r}
from orchestrator.private_folder import PrivateFolder
with PrivateFolder({prefix!r}) as own:
    (own / "access.jsonl").write_text("x")
    (own / "access.jsonl").rename(own / waited_for)
"""
    killed(program, StateFolder(tmp_path), "waited", "named")
    assert len(list(tmp_path.iterdir())) == 1
    with PrivateFolder(SOCKETS) as own:
        assert list(tmp_path.iterdir()) == [own]


def test_an_import_says_that_another_one_is_at_work(tmp_path: Path) -> None:
    file = give(make_class(tmp_path), tmp_path / "x").file
    own, told = tmp_path / "second" / ".workshop" / ".import-demo", "another import of this workshop is at work here"
    with folder_aside(own), pytest.raises(UserError, match=told):
        take(file, tmp_path / "second")
    take(file, tmp_path / "second")
    with State.read(StateFolder(tmp_path / "second" / ".workshop" / "demo")) as state:
        assert state.meta is not None
