"""`state import --replace` goes back to where the class lay; what it replaced is kept, and goes with `teardown`."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli.commands import teardown as command
from orchestrator.errors import UserError
from orchestrator.handover import sealed
from orchestrator.settings import Settings
from orchestrator.spec.loader import load
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.handover.exporting import Asked, export
from orchestrator.workflow.handover.importing import Imported, import_
from orchestrator.workflow.teardown import TornDown, teardown
from tests.unit.command_line import ask
from tests.unit.handover_class import PASSPHRASE, give, make_class, people, take


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_COST", 2)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """Provisioned on no host that could be asked."""
    folder = make_class(tmp_path)
    with State.open(state_of(folder)) as state:
        state.deployed.remove_host("front")
    return folder


def state_of(folder: Path) -> StateFolder:
    return StateFolder(folder / ".workshop" / "demo")


def put_back(file: Path, state_dir: Path | None = None) -> Imported:
    return import_(file, Settings(), None, state_dir, lambda: PASSPHRASE, replace=True)


def handed_back(first: Path, tmp_path: Path) -> Path:
    """Over and back: the file that the other one wrote, with a change in it."""
    second = tmp_path / "second"
    take(give(first, tmp_path / "x", hand_over=True).file, second)
    with State.open(state_of(second)) as state:
        state.people.set_revoked("p03", revoked=True)
    return give(second, tmp_path / "y", hand_over=True).file


# Where it goes


def test_handed_back_it_goes_into_the_folder_that_it_was_given_from(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = handed_back(first, tmp_path)
    told_of = people(tmp_path / "second")
    monkeypatch.chdir(first)
    told = put_back(file)
    assert (told.spec, told.state) == (first / "workshop.yaml", state_of(first).path)
    assert people(first) == told_of
    assert not (first / "demo").exists()


def test_a_backup_goes_back_to_where_it_was_exported_from_wherever_the_command_is_typed(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = give(first, tmp_path / "x").file, people(first)
    with State.open(state_of(first)) as state:
        state.people.rotate_key("p01")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = put_back(file)
    assert told.spec == first / "workshop.yaml"
    assert people(first) == before
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_with_a_folder_of_states_it_goes_beside_the_spec_of_the_state_there(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "states").mkdir()
    shutil.move(first / ".workshop" / "demo", tmp_path / "states" / "demo")
    shutil.rmtree(first / ".workshop")
    spec = load(first / "workshop.yaml")
    file = export(spec, Settings(), tmp_path / "states", Asked(to=tmp_path / "x"), lambda: PASSPHRASE).file
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = put_back(file, tmp_path / "states")
    assert (told.spec, told.state) == (first / "workshop.yaml", tmp_path / "states" / "demo")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_another_class_of_that_name_is_not_taken_for_it(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = give(first, tmp_path / "x").file
    shutil.rmtree(first)
    other = make_class(tmp_path)
    before = people(other)
    monkeypatch.chdir(other)
    told = put_back(file)
    assert told.spec == other / "demo" / "workshop.yaml"
    assert people(other) == before
    assert "nothing to replace" in " ".join(told.notes)


# What the refusal proposes


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("code", ["state_exists", "spec_differs"])
def test_the_command_that_a_refusal_proposes_does_it_from_anywhere(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: bool, code: str
) -> None:
    file = give(first, tmp_path / "the export").file
    second, states = tmp_path / "a second one", tmp_path / "its states" if apart else None
    take(file, second, state_dir=states)
    if code == "spec_differs":
        shutil.rmtree((states or second / ".workshop") / "demo")
        (second / "people.csv").write_text("name,email\nBo,bo@x.org\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        take(file, second, state_dir=states)
    assert caught.value.code == code
    assert caught.value.hint is not None
    words = shlex.split(caught.value.hint.partition("keep ")[2].partition(": ")[2])
    assert words[:3] == ["workshop", "state", "import"]
    monkeypatch.undo()  # the program itself, with its own cost
    exported = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "state", "import", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(word in exported.stdout for word in words if word.startswith("--"))
    options = dict(zip(words[4:-1:2], words[5:-1:2], strict=True))
    monkeypatch.setattr(sealed, "_COST", 2)
    told = take(
        Path(words[3]),
        Path(options["--to"]),
        state_dir=Path(options["--state-dir"]) if "--state-dir" in options else None,
        replace=words[-1] == "--replace",
    )
    assert told.spec == second / "workshop.yaml"
    assert told.state == (states or second / ".workshop") / "demo"
    assert len(told.kept) == 1


def test_who_has_handed_over_is_told_where_to_take_it_back_to(first: Path, tmp_path: Path) -> None:
    give(first, tmp_path / "x", hand_over=True)
    with pytest.raises(UserError, match="handed over") as caught:
        give(first, tmp_path / "y")
    assert f"workshop state import FILE --to {first} --replace" in str(caught.value.hint)


# What was replaced


def torn_down(folder: StateFolder, asked: list[tuple[str, ...]], **options: bool) -> TornDown:
    def confirm(_: str, present: tuple[str, ...]) -> None:
        asked.append(present)

    class Silent(Report):
        def step(self, title: str) -> None:
            pass

        def say(self, line: str) -> None:
            pass

    return teardown(folder, Settings(), Silent(), confirm, **options)  # type: ignore[arg-type]


def replaced(first: Path, tmp_path: Path) -> tuple[Path, bytes]:
    """After an import over it: the folder that holds what was there, and its secret."""
    file = handed_back(first, tmp_path)
    secret = b"\x01" * 32  # as if a class had begun anew meanwhile
    state_of(first).secret.write_bytes(secret)
    (first / "people.csv").write_text("name,email\nBo,bo@x.org\n", encoding="utf-8")
    told = take(file, first, replace=True)
    shutil.rmtree(tmp_path / "second")
    return told.kept[-1].parent, secret


def holding(place: Path, secret: bytes) -> list[Path]:
    return [file for file in place.rglob("*") if file.is_file() and secret in file.read_bytes()]


def test_teardown_names_what_imports_replaced_and_removes_it(first: Path, tmp_path: Path) -> None:
    kept, secret = replaced(first, tmp_path)
    asked: list[tuple[str, ...]] = []
    assert holding(tmp_path, secret) != []
    done = torn_down(state_of(first), asked)
    line = f"{kept}: what an import replaced, with an old secret"
    assert line in asked[0]
    assert line in done.removed
    assert (done.left, done.replaced, done.ok) == ((), 0, True)
    assert holding(tmp_path, secret) == []
    assert not (first / ".workshop" / ".before-import").exists()
    assert line in command.document(done)["removed"]  # type: ignore[operator]
    assert "this machine: 0 folders with what imports replaced" in command._text(done, state_of(first))


def test_what_could_not_be_removed_is_left_and_named(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _ = replaced(first, tmp_path)
    monkeypatch.setattr("orchestrator.state.kept_aside.shutil.rmtree", lambda *_, **__: None)
    done = torn_down(state_of(first), [])
    assert [line.startswith(str(kept)) for line in done.left] == [True]
    assert not done.ok
    assert done.replaced == 1
    monkeypatch.undo()
    again = torn_down(state_of(first), [])  # the state is gone by now
    assert (again.ok, again.replaced) == (True, 0)
    assert not kept.exists()


def test_with_keep_state_it_stays_too_and_is_named(first: Path, tmp_path: Path) -> None:
    kept, secret = replaced(first, tmp_path)
    asked: list[tuple[str, ...]] = []
    done = torn_down(state_of(first), asked, keep_state=True)
    assert [line for line in done.kept if str(kept) in line] != []
    assert str(kept) not in " ".join(asked[0])
    assert holding(kept, secret) != []


def test_archives_and_usage_of_the_replaced_state_are_not_lost(first: Path, tmp_path: Path) -> None:
    old = state_of(first)
    file = handed_back(first, tmp_path)
    old.archives.mkdir(exist_ok=True)
    (old.archives / "demo-2026.tar.gz").write_bytes(b"chats")
    (old.usage / f"{'f' * 32}.sqlite3").write_bytes(b"of a class before")
    take(file, first, replace=True)
    done = torn_down(state_of(first), [])
    assert (old.archives / "demo-2026.tar.gz").read_bytes() == b"chats"
    assert (old.usage / f"{'f' * 32}.sqlite3").read_bytes() == b"of a class before"
    assert [line for line in done.kept if "demo-2026.tar.gz" in line] != []
    assert not (first / ".workshop" / ".before-import").exists()


def test_what_another_workshops_import_replaced_stays(first: Path, tmp_path: Path) -> None:
    kept, _ = replaced(first, tmp_path)
    others = [kept.with_name("20260101T000000-demo-2"), kept.with_name("notes")]
    for folder in others:
        (folder / "demo-2").mkdir(parents=True)
    older = kept.with_name("20260101T000000")  # as earlier versions named it
    (older / "demo").mkdir(parents=True)
    (older / "demo" / "secret").write_bytes(b"old")
    torn_down(state_of(first), [])
    assert [folder.exists() for folder in (*others, older, kept)] == [True, True, False, False]


def test_without_a_terminal_teardown_asks_for_yes_where_only_that_is_left(first: Path, tmp_path: Path) -> None:
    kept, _ = replaced(first, tmp_path)
    state_of(first).forget()
    words = ("teardown", "--output", "json", "workshop.yaml")
    assert ask(first, *words).returncode == 2
    assert kept.exists()
    done = ask(first, *words, "--yes")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["removed"] == [f"{kept}: what an import replaced, with an old secret"]
    assert not kept.exists()
