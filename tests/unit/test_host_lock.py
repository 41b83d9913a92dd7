"""The lock on a host: one holder, named to whoever comes second, gone with its process or after a silence."""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath

import pytest

from orchestrator.errors import UserError
from orchestrator.fleet import host_lock
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.host_lock import HostLocks, held, require_not_held
from orchestrator.fleet.machine import Machine
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import LockOwner

ADA = LockOwner("ada@laptop", 4711, "2026-11-21T12:00:00+00:00", "provision")
BOB = LockOwner("bob@desk", 12, "2026-11-21T12:01:00+00:00", "teardown")


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    folder = PurePosixPath(tmp_path / "stacks" / "workshop-w")
    return Machine(DeployedHost(name="here", project="workshop-w", folder=folder), LocalChannel("here"))


def file(machine: Machine) -> Path:
    return Path(f"{machine.folder}.lock")


def test_the_second_is_told_who_has_it_since_when_and_why(here: Machine) -> None:
    with HostLocks(ADA) as first, HostLocks(BOB) as second:
        first.take(here)
        with pytest.raises(UserError) as refusal:
            second.take(here)
    assert refusal.value.code == "lock_held"
    assert refusal.value.exit_code == 1
    for part in ("here: ", "ada@laptop", "4711", "2026-11-21T12:00:00", "`provision`", "Nothing was changed"):
        assert part in str(refusal.value)


def test_it_is_free_afterwards_and_leaves_no_file(here: Machine) -> None:
    for owner in (ADA, BOB):
        with HostLocks(owner) as locks:
            locks.take(here)
            assert file(here).exists()
        assert not file(here).exists()


def test_who_asks_twice_is_not_in_the_way_of_itself(here: Machine) -> None:
    with HostLocks(ADA) as locks:
        locks.take(here)
        locks.take(here)
        with HostLocks(BOB) as other, pytest.raises(UserError, match="ada@laptop"):
            other.take(here)
    assert not file(here).exists()


def test_a_killed_holder_leaves_a_file_and_no_lock(here: Machine) -> None:
    with HostLocks(ADA) as first, HostLocks(BOB) as second:
        first.take(here)
        holder = first._holders["here"]
        holder.kill()
        holder.wait()
        assert file(here).exists()
        second.take(here)


def test_it_goes_when_nothing_is_heard_and_stays_while_somebody_is(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_lock, "BEAT", 0.2)
    with HostLocks(ADA, patience=0.8) as lively:
        lively.take(here)
        time.sleep(1.5)
        assert lively._holders["here"].poll() is None
    monkeypatch.setattr(host_lock, "BEAT", 60.0)
    with HostLocks(ADA, patience=0.3) as silent, HostLocks(BOB) as next_one:
        silent.take(here)
        silent._holders["here"].wait(10)
        next_one.take(here)


def test_many_who_come_at_once_leave_one_with_it(here: Machine) -> None:
    crowd = [HostLocks(LockOwner(f"p{n}@x", n, "now", "provision")) for n in range(6)]
    try:
        for locks in crowd:
            locks.ask(here)
        refused = []
        for locks in crowd:
            try:
                locks.require(here)
            except UserError as problem:
                refused.append(problem.code)
        assert refused == ["lock_held"] * 5
    finally:
        for locks in crowd:
            locks.__exit__(None, None, None)
    assert not file(here).exists()


def test_where_no_lock_can_be_made_the_reason_is_told_and_teardown_goes_on(here: Machine, tmp_path: Path) -> None:
    (tmp_path / "stacks").write_text("no folder")
    with HostLocks(ADA) as locks, pytest.raises(UserError, match=r"no lock could be made beside .*: File exists"):
        locks.take(here)
    with HostLocks(ADA) as locks:
        locks.take_if_possible(here)


def test_a_note_that_cannot_be_read_names_nobody() -> None:
    assert "there. Wait" in str(held("here", {}))


def test_a_class_is_not_changed_on_some_hosts_only() -> None:
    require_not_held({"a": UserError("ssh_unreachable", "x")})
    with pytest.raises(UserError, match="at work"):
        require_not_held({"a": UserError("ssh_unreachable", "x"), "b": held("b", {})})
