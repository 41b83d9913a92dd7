"""A file of a stack is replaced whole on its host; what a process killed over that left goes with the next lock."""

from __future__ import annotations

import base64
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

import orchestrator
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import stack
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import LockOwner

OWNER = LockOwner("ada@laptop", 4711, "2026-11-21T12:00:00+00:00", "provision")
REPLACE = """
import base64, sys
from orchestrator.fleet.scripts import stack
def stop(event, arguments):
    if event == "os.rename":
        print("aside", flush=True)
        sys.stdin.read(1)
sys.addaudithook(stop)
stack.replace({"path": sys.argv[1], "content": base64.b64encode(b"new").decode()})
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "stacks" / "workshop-w" / "gateway" / "policy.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"old")
    file.chmod(0o640)
    return file


def take_lock(policy: Path) -> None:
    host = DeployedHost(name="here", project="workshop-w", folder=PurePosixPath(policy.parents[1]))
    with HostLocks(OWNER) as locks:
        locks.take(Machine(host, LocalChannel("here")))


def replacing(policy: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", REPLACE, str(policy)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(orchestrator.__file__).parents[1],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "aside\n"
    return child


def test_it_is_replaced_with_its_mode_and_nothing_lies_beside_it(policy: Path) -> None:
    assert stack.replace({"path": str(policy), "content": base64.b64encode(b"new").decode()}) is None
    assert (policy.read_bytes(), policy.stat().st_mode & 0o777) == (b"new", 0o640)
    assert list(policy.parent.iterdir()) == [policy]


def test_where_it_cannot_be_done_nothing_lies_beside_it(policy: Path) -> None:
    policy.unlink()
    (policy / "in the way").mkdir(parents=True)
    assert stack.replace({"path": str(policy), "content": ""}) is not None
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
    assert stack.replace({"path": str(policy), "content": ""}) is None
