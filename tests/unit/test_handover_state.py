"""A workshop handed to somebody else: all that is needed arrives, nothing that is there is lost, one of two goes on."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.durable import sync_folder
from orchestrator.errors import UserError
from orchestrator.handover import sealed
from orchestrator.handover.named import A_SECRET, ABSOLUTE, ELSEWHERE, MISSING
from orchestrator.settings import Settings
from orchestrator.spec.loader import load
from orchestrator.state.folder import StateFolder
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.handover.exporting import Asked, export
from tests.unit.handover_class import SPEC, USAGE, give, lying, make_class, people, take


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_COST", 2)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return make_class(tmp_path)


# What arrives


def test_secret_people_and_deployment_arrive_and_the_spec_is_known_where_it_lies_now(
    first: Path, tmp_path: Path
) -> None:
    done, second = give(first, tmp_path / "x.workshop"), tmp_path / "second"
    told = take(done.file, second)
    assert people(second) == people(first)
    with State.read(StateFolder(told.state)) as state:
        assert state.meta is not None
        assert state.meta.spec_path == second / "workshop.yaml" == told.spec
        assert [event.kind for event in state.events.all()] == ["state import"]
        assert str(done.file) in state.events.all()[0].text
        assert told.manifest.who in state.events.all()[0].text
    assert (tmp_path / "x.workshop").stat().st_mode & 0o777 == 0o600
    assert done.size == (tmp_path / "x.workshop").stat().st_size
    assert not (second / ".workshop" / ".import-demo").exists()
    assert not (first / ".workshop" / "demo" / ".export").exists()


def test_usage_authority_and_record_arrive_and_what_is_made_again_does_not(first: Path, tmp_path: Path) -> None:
    (first / ".workshop" / "demo" / "tls" / ".server.pem.new").write_text("half", encoding="utf-8")  # of a power cut
    take(give(first, tmp_path / "x").file, tmp_path / "second")
    state = tmp_path / "second" / ".workshop" / "demo"
    assert sorted(name for name in lying(state) if name != ".gitignore") == [
        "secret",
        "state.sqlite3",
        "teardowns.jsonl",
        "tls/authority.pem",
        f"usage/{USAGE}.sqlite3",
    ]
    assert {path.stat().st_mode & 0o077 for path in state.rglob("*") if path.name != ".gitignore"} == {0}


def test_every_place_in_a_states_folder_is_known_to_be_needed_or_not() -> None:
    """Whoever adds one decides whether it is exported, here and in `_copies`."""
    needed = {"secret", "database", "tls", "edges", "ca_certificate", "usage", "teardowns"}
    made_again = {"rendered", "handouts", "logs", "lock", "people_lock", "print_lock", "lock_owner"}
    with_secrets = {"provider_keys"}
    stays = {"archives", "rehearsals", "handed_over"}
    places = {name for name, kind in vars(StateFolder).items() if isinstance(kind, property)}
    assert places - {"name", "has_state"} == needed | made_again | with_secrets | stays


def test_files_that_the_spec_names_arrive_others_are_named_with_a_reason(first: Path, tmp_path: Path) -> None:
    done = give(first, tmp_path / "x")
    expected = {"workshop.yaml", "tls/cert.pem", "tls/key.pem", "people.csv", "fonts/a.ttf", "fonts/deep/b.ttf"}
    assert set(done.included) == expected
    assert {one.what: one.why for one in done.left_out} == {
        "id_ed25519": A_SECRET,
        "keys/x": A_SECRET,
        "../above.pem": ELSEWHERE,
        str(tmp_path / "ca.pem"): ABSOLUTE,
    }
    assert done.secrets == ("${env:N_KEY}", "${file:keys/x}")
    told = take(done.file, tmp_path / "second")
    assert (tuple(told.manifest.left_out), tuple(told.manifest.secrets)) == (done.left_out, done.secrets)
    found = {name: content for name, content in lying(tmp_path / "second").items() if not name.startswith(".workshop")}
    assert found == {name: (first / name).read_bytes() for name in expected}


def test_with_secrets_files_of_secrets_and_ssh_keys_arrive_too(first: Path, tmp_path: Path) -> None:
    done = give(first, tmp_path / "x", with_secrets=True)
    assert {"id_ed25519", "keys/x"} <= set(done.included)
    assert done.secrets == ("${env:N_KEY}",)


def test_a_file_that_is_not_there_is_named(first: Path, tmp_path: Path) -> None:
    (first / "tls" / "key.pem").unlink()
    assert ("tls/key.pem", MISSING) in [(one.what, one.why) for one in give(first, tmp_path / "x").left_out]


def test_nothing_of_it_can_be_read_without_the_passphrase(first: Path, tmp_path: Path) -> None:
    content = give(first, tmp_path / "x").file.read_bytes()
    for hidden in (people(first)[0], b"demo", b"tls/key.pem", b"SQLite format", b"Ada"):
        assert hidden not in content


def test_a_database_that_is_written_meanwhile_arrives_whole(first: Path, tmp_path: Path) -> None:
    """Usage may be collected at any time; a copy of the bytes would be torn."""
    usage = first / ".workshop" / "demo" / "usage" / f"{USAGE}.sqlite3"
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(usage, timeout=30)) as connection:
            while not stop.wait(0.001):
                with connection:
                    connection.executemany("INSERT INTO requests VALUES (?)", [("x" * 500,)] * 100)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        files = [give(first, tmp_path / f"x{number}").file for number in range(5)]
    finally:
        stop.set()
        writer.join()
    for number, file in enumerate(files):
        arrived = take(file, tmp_path / f"second{number}").state / "usage" / usage.name
        with closing(sqlite3.connect(arrived)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("SELECT count(*) % 100 FROM requests").fetchall() == [(0,)]


def test_a_name_that_is_no_text_is_left_out_and_named(first: Path, tmp_path: Path) -> None:
    (first / "fonts" / os.fsdecode(b"\xff.ttf")).write_bytes(b"")
    assert "fonts/?.ttf" in [one.what for one in give(first, tmp_path / "x").left_out]
    take(tmp_path / "x", tmp_path / "second")


# What is there already


def test_a_state_that_is_there_is_not_touched(first: Path, tmp_path: Path) -> None:
    file, before = give(first, tmp_path / "x").file, lying(first)
    with pytest.raises(UserError) as caught:
        take(file, first)
    assert caught.value.code == "state_exists"
    assert str(first / ".workshop" / "demo") in str(caught.value)
    assert lying(first) == before


def test_with_replace_the_one_before_is_kept_aside_whole(first: Path, tmp_path: Path) -> None:
    file = give(first, tmp_path / "x").file
    with State.open(StateFolder.for_spec(first / "workshop.yaml", "demo")) as state:
        state.people.rotate_key("p01")
    (first / "people.csv").write_text("name,email\nBo,bo@x.org\n", encoding="utf-8")
    before = lying(first / ".workshop" / "demo")
    told = take(file, first, replace=True)
    people_kept, state_kept = told.kept
    assert people_kept.read_text(encoding="utf-8") == "name,email\nBo,bo@x.org\n"
    kept = lying(state_kept)
    assert {name: kept[name] for name in before} == before
    assert (first / "people.csv").read_text(encoding="utf-8") == "name,email\nAda,ada@x.org\n"
    assert people(first)[2][0].key_generation == 1
    assert (first / ".workshop" / ".before-import" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_spec_that_is_there_stays_when_it_is_the_same_and_stops_the_import_when_not(
    first: Path, tmp_path: Path
) -> None:
    file, second = give(first, tmp_path / "x").file, tmp_path / "second"
    second.mkdir()
    (second / "workshop.yaml").write_bytes((first / "workshop.yaml").read_bytes())
    inode = (second / "workshop.yaml").stat().st_ino
    (second / "people.csv").write_text("name,email\nBo,bo@x.org\n", encoding="utf-8")
    before = lying(second)
    with pytest.raises(UserError) as caught:
        take(file, second)
    assert (caught.value.code, "people.csv" in caught.value.message) == ("spec_differs", True)
    assert lying(second) == before
    (second / "people.csv").unlink()
    assert take(file, second).kept == ()
    assert (second / "workshop.yaml").stat().st_ino == inode


def test_a_state_where_a_command_is_at_work_is_not_replaced(first: Path, tmp_path: Path) -> None:
    file = give(first, tmp_path / "x").file
    with workshop_lock(StateFolder.for_spec(first / "workshop.yaml", "demo"), "provision"):
        with pytest.raises(UserError) as caught:
            take(file, first, replace=True)
        with pytest.raises(UserError) as other:
            give(first, tmp_path / "y")
    assert caught.value.code == other.value.code == "lock_held"


def test_an_export_never_overwrites(first: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        give(first, tmp_path / "x")
    assert caught.value.code == "file_exists"
    assert (tmp_path / "x").read_text(encoding="utf-8") == "mine"


def test_states_may_lie_elsewhere_than_the_spec(first: Path, tmp_path: Path) -> None:
    told = take(give(first, tmp_path / "x").file, tmp_path / "second", state_dir=tmp_path / "states")
    assert told.state == tmp_path / "states" / "demo"
    assert not (tmp_path / "second" / ".workshop").exists()
    assert not (tmp_path / "states" / ".import-demo").exists()


# What goes wrong


@pytest.mark.parametrize("at", [0, 20, 60, 200, -1])
def test_a_damaged_file_leaves_nothing_behind(first: Path, tmp_path: Path, at: int) -> None:
    file = give(first, tmp_path / "x").file
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        take(file, tmp_path / "second")
    assert str(caught.value).startswith(str(file))
    assert not (tmp_path / "second").exists()


def test_interrupted_before_its_last_step_there_is_no_state_and_the_same_command_goes_on(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, second = give(first, tmp_path / "x").file, tmp_path / "second"
    real = sync_folder

    def killed(folder: Path) -> None:
        real(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.workflow.handover.importing.sync_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        take(file, second)
    assert not StateFolder.for_spec(second / "workshop.yaml", "demo").has_state
    assert not (second / ".workshop" / ".import-demo").exists()
    monkeypatch.undo()
    monkeypatch.setattr(sealed, "_COST", 2)
    take(file, second)
    assert people(second) == people(first)


def test_what_a_killed_import_left_is_taken_away(first: Path, tmp_path: Path) -> None:
    left = tmp_path / "second" / ".workshop" / ".import-demo" / "state"
    left.mkdir(parents=True)
    (left / "secret").write_text("of another", encoding="utf-8")
    take(give(first, tmp_path / "x").file, tmp_path / "second")
    assert people(tmp_path / "second") == people(first)
    assert not left.parent.exists()


def test_a_file_that_cannot_be_written_is_one_line_and_hands_nothing_over(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("orchestrator.durable.os.fsync", fails)
    with pytest.raises(UserError) as caught:
        give(first, tmp_path / "x", hand_over=True)
    monkeypatch.undo()
    monkeypatch.setattr(sealed, "_COST", 2)
    assert (caught.value.code, caught.value.where.file) == ("not_writable", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    give(first, tmp_path / "y")


def test_what_was_never_provisioned_is_not_exported_and_nobody_is_asked(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,email\nAda,ada@x.org\n", encoding="utf-8")
    (tmp_path / "workshop.yaml").write_text(SPEC.format(outside="/x"), encoding="utf-8")

    def ask() -> SecretStr:
        raise AssertionError

    with pytest.raises(UserError) as caught:
        export(load(tmp_path / "workshop.yaml"), Settings(), None, Asked(), ask)
    assert caught.value.code == "not_provisioned"
    assert not (tmp_path / ".workshop").exists()


def test_a_short_passphrase_is_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        export(
            load(first / "workshop.yaml"), Settings(), None, Asked(to=tmp_path / "x"), lambda: SecretStr("elevenchars")
        )
    assert caught.value.code == "passphrase_short"
    assert not (tmp_path / "x").exists()
