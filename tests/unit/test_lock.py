"""One command at a time; whoever comes second is told who, since when and why, and a killed one holds nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.state.folder import StateFolder
from orchestrator.state.lock import at_work, people_lock, read_owner, workshop_lock
from orchestrator.state.state import State
from tests.unit.state_processes import another_process

HOLD = """
import sys
from pathlib import Path
from orchestrator.state.folder import StateFolder
from orchestrator.state.lock import workshop_lock
with workshop_lock(StateFolder(Path(sys.argv[1])), "provision workshop.yaml"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")


def holding(folder: StateFolder) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process that holds the lock until its standard input is closed."""
    return another_process(HOLD, folder, "held")


def test_a_second_process_is_told_who_is_at_work_since_when_and_why(folder: StateFolder) -> None:
    with holding(folder) as child:
        owner = read_owner(folder)
        assert owner is not None
        with pytest.raises(UserError) as refusal, workshop_lock(folder, "teardown"):
            pass
    assert (refusal.value.code, refusal.value.exit_code) == ("lock_held", 1)
    assert owner.pid == child.pid
    for part in (owner.who, str(child.pid), owner.since, "provision workshop.yaml"):
        assert part in refusal.value.message


def test_the_lock_is_free_again_when_the_other_has_ended(folder: StateFolder) -> None:
    with holding(folder):
        pass
    with workshop_lock(folder, "provision"):
        owner = read_owner(folder)
        assert owner is not None
        assert owner.pid == os.getpid()
    assert read_owner(folder) is None


def test_a_killed_process_holds_nothing_and_its_note_is_replaced(folder: StateFolder) -> None:
    with holding(folder) as child:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=10)
        assert read_owner(folder) is not None
        with workshop_lock(folder, "provision again"):
            owner = read_owner(folder)
            assert owner is not None
            assert (owner.pid, owner.why) == (os.getpid(), "provision again")


def test_who_only_looks_is_not_told_of_a_killed_process(folder: StateFolder) -> None:
    with holding(folder) as child:
        assert at_work(folder) == read_owner(folder)
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=10)
        assert read_owner(folder) is not None
        assert at_work(folder) is None


def test_of_another_machine_nobody_here_knows_whether_its_process_lives(folder: StateFolder) -> None:
    with holding(folder) as child:
        note = json.loads(folder.lock_owner.read_text(encoding="utf-8"))
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=10)
    folder.lock_owner.write_text(json.dumps({**note, "who": "ada@another-machine"}), encoding="utf-8")
    owner = at_work(folder)
    assert owner is not None
    assert owner.who == "ada@another-machine"


def test_it_holds_within_one_process_too(folder: StateFolder) -> None:
    with (
        workshop_lock(folder, "provision"),
        pytest.raises(UserError, match=f"process {os.getpid()}"),
        workshop_lock(folder, "teardown"),
    ):
        pass


def test_the_refused_one_leaves_the_holders_note_alone(folder: StateFolder) -> None:
    with workshop_lock(folder, "provision"):
        with pytest.raises(UserError), workshop_lock(folder, "teardown"):
            pass
        owner = read_owner(folder)
        assert owner is not None
        assert owner.why == "provision"


def test_an_error_inside_frees_the_lock(folder: StateFolder) -> None:
    with pytest.raises(ZeroDivisionError), workshop_lock(folder, "provision"):
        _ = 1 / 0
    with workshop_lock(folder, "provision"):
        pass


def test_who_only_reads_needs_no_lock(folder: StateFolder) -> None:
    with workshop_lock(folder, "provision"), State.open(folder) as writing:
        writing.begin("llm", folder.path / "workshop.yaml")
        with State.read(folder) as reading:
            assert reading.meta == writing.meta


@pytest.mark.parametrize("note", ["", "{", "[]", '{"who": 1}', '{"surplus": true}', "\udcff"])
def test_a_note_that_cannot_be_read_still_refuses_the_second(note: str, folder: StateFolder) -> None:
    with workshop_lock(folder, "provision"):
        folder.lock_owner.write_bytes(note.encode("utf-8", "surrogateescape"))
        with pytest.raises(UserError) as refusal, workshop_lock(folder, "teardown"):
            pass
    assert refusal.value.code == "lock_held"


def test_two_workshops_do_not_wait_for_each_other(tmp_path: Path) -> None:
    one, two = (StateFolder(tmp_path / name) for name in ("one", "two"))
    with workshop_lock(one, "provision"), workshop_lock(two, "provision"):
        pass


def test_people_can_be_changed_while_another_command_is_at_work_unless_that_moves_the_state(
    folder: StateFolder,
) -> None:
    with workshop_lock(folder, "provision"), people_lock(folder):
        pass
    with (
        workshop_lock(folder, "teardown", alone=True),
        pytest.raises(UserError, match="`teardown`") as refusal,
        people_lock(folder, patience=0.05),
    ):
        raise AssertionError
    assert refusal.value.code == "lock_held"
    with people_lock(folder, patience=0.05):
        pass


def test_a_second_change_of_people_waits_until_the_first_is_written(folder: StateFolder) -> None:
    with ThreadPoolExecutor() as pool:
        with people_lock(folder):
            second = pool.submit(changed_people, folder)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.1)
        assert second.result(timeout=10)


def changed_people(folder: StateFolder) -> bool:
    with people_lock(folder):
        return True
