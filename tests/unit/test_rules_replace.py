"""The gateway's policy is replaced whole on its host, and only while it is what was looked at, whoever writes it."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import orchestrator
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import rules
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import LockOwner

OWNER = LockOwner("ada@laptop", 4711, "2026-11-21T12:00:00+00:00", "provision")
REPLACE = """
import base64, sys
from orchestrator.fleet.scripts import rules
def stop(event, arguments):
    if event == "os.rename":
        print("aside", flush=True)
        sys.stdin.read(1)
sys.addaudithook(stop)
rules.replace({"path": sys.argv[1], "content": base64.b64encode(b"new").decode(), "before": sys.argv[2]})
"""
OLD = hashlib.sha256(b"old").hexdigest()
DONE = {"done": True, "trouble": None}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "stacks" / "workshop-w" / "gateway" / "policy.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"old")
    file.chmod(0o640)
    return file


def replace(policy: Path, content: bytes, before: str = OLD) -> Any:
    question = {"path": str(policy), "content": base64.b64encode(content).decode(), "before": before}
    return rules.replace(question)


def take_lock(policy: Path) -> None:
    host = DeployedHost(name="here", project="workshop-w", folder=PurePosixPath(policy.parents[1]))
    with HostLocks(OWNER) as locks:
        locks.take(Machine(host, LocalChannel("here")))


def replacing(policy: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", REPLACE, str(policy), OLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(orchestrator.__file__).parents[1],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "aside\n"
    return child


def test_it_is_replaced_with_its_mode_and_nothing_lies_beside_it(policy: Path) -> None:
    assert replace(policy, b"new") == DONE
    assert (policy.read_bytes(), policy.stat().st_mode & 0o777) == (b"new", 0o640)
    assert list(policy.parent.iterdir()) == [policy]


def test_where_it_cannot_be_done_nothing_lies_beside_it(policy: Path) -> None:
    policy.unlink()
    (policy / "in the way").mkdir(parents=True)
    nothing = hashlib.sha256(b"").hexdigest()
    assert replace(policy, b"", before="")["trouble"] or replace(policy, b"", before=nothing)["trouble"]
    assert list(policy.parent.iterdir()) == [policy]


def test_what_a_killed_one_left_goes_with_the_next_lock(policy: Path) -> None:
    with replacing(policy) as child:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=20)
    (policy.parent / ".new" / "gateway").mkdir(parents=True)  # the playbook's, of a run that was killed
    (policy.parent / ".policy.json.new").write_bytes(b"of an older version")
    assert len(list(policy.parent.iterdir())) == 4
    take_lock(policy)
    assert list(policy.parent.iterdir()) == [policy]
    assert policy.read_bytes() == b"old"


def test_what_one_at_work_writes_arrives(policy: Path) -> None:
    with replacing(policy) as child:
        take_lock(policy)
        child.communicate(timeout=20)
    assert policy.read_bytes() == b"new"


def test_a_file_system_without_locks_is_no_reason_to_fail(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(38, os.strerror(38))

    monkeypatch.setattr(fcntl, "flock", refused)
    assert replace(policy, b"new") == DONE


def test_what_somebody_else_wrote_meanwhile_stands(policy: Path) -> None:
    policy.write_bytes(b"somebody else's")
    assert replace(policy, b"new") == {"done": False, "trouble": None}
    assert (policy.read_bytes(), list(policy.parent.iterdir())) == (b"somebody else's", [policy])


def test_a_playbook_puts_its_own_in_place_while_the_old_one_is_what_was_looked_at(policy: Path) -> None:
    aside = policy.with_name(".policy.json.new")
    aside.write_bytes(b"new")
    rules.put(str(aside), str(policy), OLD)
    assert (policy.read_bytes(), list(policy.parent.iterdir())) == (b"new", [policy])
    rules.put(str(aside), str(policy), OLD)  # once more, as where another task failed after it
    assert policy.read_bytes() == b"new"


@pytest.mark.parametrize("before", [OLD, ""])
def test_a_playbook_that_was_overtaken_says_so_and_puts_nothing(policy: Path, before: str) -> None:
    aside = policy.with_name(".policy.json.new")
    aside.write_bytes(b"new")
    policy.write_bytes(b"a revocation's")
    with pytest.raises(SystemExit, match=rules.OVERTAKEN):
        rules.put(str(aside), str(policy), before)
    assert policy.read_bytes() == b"a revocation's"


def test_the_first_policy_is_put_where_there_is_none(policy: Path) -> None:
    aside = policy.with_name(".policy.json.new")
    policy.rename(aside)
    rules.put(str(aside), str(policy), "")
    assert policy.read_bytes() == b"old"


def test_of_two_who_write_at_once_the_second_looks_again(policy: Path) -> None:
    with replacing(policy) as child:  # it has looked, and is about to rename
        second = subprocess.Popen(
            [sys.executable, "-c", REPLACE.replace("sys.stdin.read(1)", ""), str(policy), OLD],
            stdout=subprocess.DEVNULL,
            cwd=Path(orchestrator.__file__).parents[1],
        )
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=0.5)
        child.communicate(input="x", timeout=20)
        assert second.wait(timeout=20) == 0
    assert policy.read_bytes() == b"new"
    assert replace(policy, b"newer") == {"done": False, "trouble": None}
