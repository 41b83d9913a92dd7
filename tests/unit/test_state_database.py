"""The database survives being killed, tells a full disk from a broken file, and is left alone by those who only read."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.state.accounts import AccountRecord
from orchestrator.state.database import Database
from orchestrator.state.folder import StateFolder
from orchestrator.state.migrations import MIGRATIONS
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats, Enrolled
from orchestrator.state.state import State
from tests.unit.state_processes import another_process


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


# Killed


HALF_WRITTEN = """
import os, sys
from pathlib import Path
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
state = State.open(StateFolder(Path(sys.argv[1])))
state._database._connection.execute("PRAGMA cache_size = 1")  # so that the file itself is written before the commit
state.events.add("before", "committed")
with state.transaction():
    for number in range(2000):
        state.events.add("during", "x" * 200)
    print("half written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def killed(folder: StateFolder) -> StateFolder:
    """A state whose writer was killed in the middle of a transaction that had already reached the file."""
    with another_process(HALF_WRITTEN, folder, "half written") as child:
        child.send_signal(signal.SIGKILL)
    assert b"during" in folder.database.read_bytes()
    return folder


def test_what_a_killed_process_had_half_written_is_undone_by_the_next_writer(killed: StateFolder) -> None:
    with State.open(killed) as state:
        assert [event.kind for event in state.events.all()] == ["before"]
        state.events.add("after", "")
        assert len(state.events.all()) == 2


def test_what_a_killed_process_had_half_written_is_not_seen_by_a_reader(killed: StateFolder) -> None:
    with State.read(killed) as state:
        assert [event.kind for event in state.events.all()] == ["before"]


# All or nothing


def test_an_error_in_a_transaction_undoes_all_of_it_and_stays_the_callers_own(folder: StateFolder) -> None:
    with State.open(folder) as state:
        with pytest.raises(ConnectionError), state.transaction():  # noqa: PT012 - the block is what is tested
            state.people.reconcile(CountedSeats(3))
            state.events.add("half", "")
            raise ConnectionError
        assert state.people.all() == ()
        assert state.events.all() == ()
        state.events.add("whole", "")
        assert len(state.events.all()) == 1


def test_every_commit_waits_for_the_disk_and_uses_a_rollback_journal(folder: StateFolder) -> None:
    with State.open(folder) as state:
        settings = [state._database.row(f"PRAGMA {name}") for name in ("synchronous", "journal_mode", "foreign_keys")]
        assert [row[0] for row in settings if row] == [2, "delete", 1]


def test_threads_may_share_the_state(folder: StateFolder) -> None:
    with State.open(folder) as state:
        state.people.reconcile(CountedSeats(8))

        def account(number: int) -> None:
            for generation in range(1, 6):
                state.accounts.put(f"p{number:02}", AccountRecord(f"u{number}", "m", None, generation))

        threads = [Thread(target=account, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {account.password_generation for account in state.accounts.all().values()} == {5}


def test_a_thread_never_sees_what_another_ones_transaction_takes_back(folder: StateFolder) -> None:
    seen: list[int] = []
    with State.open(folder) as state:
        thread = Thread(target=lambda: seen.append(len(state.events.all())))
        with pytest.raises(ConnectionError), state.transaction():  # noqa: PT012 - the block is what is tested
            state.events.add("half", "")
            thread.start()
            thread.join(0.2)  # time enough to look, if it could
            raise ConnectionError
        thread.join()
    assert seen == [0]


# Reading


def test_reading_creates_nothing_where_nothing_was_begun(folder: StateFolder, tmp_path: Path) -> None:
    with State.read(folder) as state:
        assert state.meta is None
        assert state.people.all() == ()
        with pytest.raises(UserError) as refusal:
            _ = state.secret
        assert refusal.value.code == "not_provisioned"
    assert list(tmp_path.iterdir()) == []


def test_reading_changes_no_file(folder: StateFolder) -> None:
    with State.open(folder) as state:
        state.people.reconcile(CountedSeats(3))
    before = contents(folder.path)
    with State.read(folder) as state:
        assert len(state.people.preview(CountedSeats(5)).changes) == 2
    assert contents(folder.path) == before


def test_writing_to_what_was_opened_for_reading_is_refused(folder: StateFolder) -> None:
    State.open(folder).close()
    with State.read(folder) as state, pytest.raises(UserError) as refusal:
        state.events.add("never", "")
    assert refusal.value.code == "state_not_writable"


def test_a_reader_sees_one_moment_while_a_writer_goes_on(folder: StateFolder) -> None:
    with State.open(folder) as writing:
        writing.events.add("one", "")
        with State.read(folder) as reading:
            writing.events.add("two", "")
            assert [event.kind for event in reading.events.all()] == ["one"]


# Versions


def add_colour(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE people ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")


def add_and_fail(connection: sqlite3.Connection) -> None:
    add_colour(connection)
    raise ZeroDivisionError


def columns(database: Database) -> list[str]:
    return [row["name"] for row in database.rows("PRAGMA table_info(people)")]


def test_an_older_state_is_brought_up_to_date_and_keeps_its_people(folder: StateFolder) -> None:
    with State.open(folder) as state:
        state.people.reconcile(CountedSeats(2))
    database = Database.open(folder.database, (*MIGRATIONS, add_colour))
    assert [row["colour"] for row in database.rows("SELECT colour FROM people")] == ["blue", "blue"]
    done = [row["name"] for row in database.rows("SELECT name FROM migrations ORDER BY number")]
    assert done == [*(migration.__name__ for migration in MIGRATIONS), "add_colour"]
    database.close()


def test_a_state_from_before_there_were_commands_keeps_everybody_as_they_were(folder: StateFolder) -> None:
    folder.create()
    database = Database.open(folder.database, MIGRATIONS[:1])
    database.write(
        "INSERT INTO people VALUES (?, ?, ?, ?, NULL, ?, 1, ?, ?, ?)",
        ("p01", "mail:a@x.org", "Ada", "a@x.org", 0, 1, 3, 2),
        ("p02", None, None, None, 1, 0, 1, 1),
    )
    database.close()
    database = Database.open(folder.database)
    (ada, seat) = People(database).enrolled()
    database.close()
    assert ada == Enrolled(
        Participant("p01", "Ada", "a@x.org", state="revoked", key_generation=3, password_generation=2),
        "mail:a@x.org",
        revoked=True,
    )
    assert seat == Enrolled(Participant("p02", spare=True))


def test_reading_an_older_state_leaves_the_file_as_old_as_it_was(folder: StateFolder) -> None:
    State.open(folder).close()
    before = contents(folder.path)
    database = Database.snapshot(folder.database, (*MIGRATIONS, add_colour))
    assert "colour" in columns(database)
    database.close()
    assert contents(folder.path) == before


def test_a_migration_that_fails_changes_nothing(folder: StateFolder) -> None:
    State.open(folder).close()
    with pytest.raises(ZeroDivisionError):
        Database.open(folder.database, (*MIGRATIONS, add_and_fail))
    database = Database.open(folder.database)
    assert "colour" not in columns(database)
    database.close()


@pytest.mark.parametrize("attempt", [State.open, State.read])
def test_a_state_from_a_newer_program_is_refused(attempt: Callable[[StateFolder], State], folder: StateFolder) -> None:
    State.open(folder).close()
    Database.open(folder.database, (*MIGRATIONS, add_colour)).close()
    with pytest.raises(UserError, match="newer version") as refusal:
        attempt(folder)
    assert refusal.value.code == "state_newer"


# What a disk can do


def test_a_file_that_is_no_database_is_refused_and_kept(folder: StateFolder) -> None:
    State.open(folder).close()
    folder.database.write_bytes(b"no database at all, " * 100)
    for attempt in (State.open, State.read):
        with pytest.raises(UserError) as refusal:
            attempt(folder)
        assert refusal.value.code == "state_corrupt"
        assert refusal.value.where.file == folder.database
    assert folder.database.read_bytes().startswith(b"no database")


def test_an_empty_database_file_is_a_beginning(folder: StateFolder) -> None:
    State.open(folder).close()
    folder.database.write_bytes(b"")
    with State.read(folder) as state:
        assert state.meta is None
    with State.open(folder) as state:
        assert state.people.all() == ()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "workshop-test", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_disk_that_is_full_from_the_start_is_one_clear_line(tiny_disk: Path) -> None:
    filler = fill(tiny_disk)
    folder = StateFolder.for_spec(tiny_disk / "workshop.yaml", "llm")
    with pytest.raises(UserError, match="Free some space") as refusal:
        State.open(folder)
    assert refusal.value.code == "disk_full"
    filler.unlink()
    with State.open(folder) as state:
        assert len(state.secret) == 32
        assert (folder.path / ".gitignore").read_text() == "*\n"


def test_a_disk_that_fills_up_undoes_what_it_could_not_keep(tiny_disk: Path) -> None:
    folder = StateFolder.for_spec(tiny_disk / "workshop.yaml", "llm")
    with State.open(folder) as state:
        state.people.reconcile(CountedSeats(3))
        filler = fill(tiny_disk)
        with pytest.raises(UserError) as refusal:
            state.people.reconcile(CountedSeats(1000))
        assert refusal.value.code == "disk_full"
        assert len(state.people.all()) == 3
        filler.unlink()
        state.people.reconcile(CountedSeats(4))
    with State.read(folder) as state:
        assert len(state.people.all()) == 4


def test_a_read_only_disk_can_be_read_and_is_named_when_it_should_be_written(tiny_disk: Path) -> None:
    folder = StateFolder.for_spec(tiny_disk / "workshop.yaml", "llm")
    with State.open(folder) as state:
        state.people.reconcile(CountedSeats(3))
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with State.read(folder) as state:
        assert len(state.people.all()) == 3
    with pytest.raises(UserError, match="Read-only file system") as refusal:
        State.open(folder)
    assert refusal.value.code == "state_not_writable"


def test_an_account_key_is_never_shown_by_an_error_or_a_record(folder: StateFolder) -> None:
    with State.open(folder) as state:
        record = AccountRecord("u1", None, SecretStr("sk-sentinel"))  # type: ignore[arg-type]  # an account has a mail
        with pytest.raises(sqlite3.IntegrityError) as bug:
            state.accounts.put("p99", record)
        assert "sentinel" not in f"{bug.value!r} {record!r}"
