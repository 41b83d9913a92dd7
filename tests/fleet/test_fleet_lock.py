"""Two instructors: while one command changes a host, another's is told who is at work, and changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import LockOwner
from tests.fleet.bed.bed import Bed
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section, model
from tests.fleet.bed.ssh_host import SshHost

pytestmark = pytest.mark.full("two instructors at one host; tests/unit/test_host_lock has who may go on")

ADA = LockOwner("ada@laptop", 4711, "2026-11-21T12:00:00+00:00", "provision")
STACK = PurePosixPath("/root/.local/share/workshop/workshop-fleet")
HOLDER = """
import sys, time
from pathlib import Path, PurePosixPath
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.lock import lock_owner
name, address, key, known = sys.argv[1:]
host = DeployedHost(name=name, connection="ssh", address=address, user="root", key=Path(key), project="workshop-fleet",
    folder=PurePosixPath("/root/.local/share/workshop/workshop-fleet"))
with Fleet([host], Path(known)) as fleet, HostLocks(lock_owner("provision")) as locks:
    locks.take(fleet[name])
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture(scope="module")
def workshop(bed: Bed, host: SshHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorkshop]:
    hosts = [host_section(host, bed, "gateway", "inference")]
    with fleet_workshop(bed, tmp_path_factory.mktemp("lock"), hosts=hosts, models=[model("tiny")]) as made:
        made.provision()
        yield made


@pytest.fixture
def elsewhere(bed: Bed, host: SshHost) -> Iterator[Fleet]:
    """The same host, from another machine's point of view."""
    far = DeployedHost(
        name=host.name,
        connection="ssh",
        address=host.address,
        user="root",
        key=bed.identity,
        project="workshop-fleet",
        folder=STACK,
    )
    with Fleet([far], bed.known_hosts) as fleet:
        yield fleet


def lock_files(host: SshHost) -> str:
    return host.run("sh", "-c", "ls -A /root/.local/share/workshop | grep lock || true").strip()


@pytest.mark.parametrize(
    "command",
    [
        ("provision",),
        ("teardown", "--yes"),
        ("backends drain", "model-tiny-1"),
        ("rehearse",),
    ],
)
def test_who_comes_second_is_told_and_changes_nothing(
    workshop: FleetWorkshop, host: SshHost, elsewhere: Fleet, command: tuple[str, ...]
) -> None:
    before = host.docker("ps", "--quiet", "--no-trunc")
    with HostLocks(ADA) as locks:
        locks.take(elsewhere[host.name])
        refused = workshop.run(*command, "--output", "json", code=1).json["error"]
    assert (refused["code"], refused["host"]) == ("lock_held", "far")
    assert "ada@laptop (process 4711, `provision`) since 2026-11-21T12:00:00" in refused["message"]
    assert host.docker("ps", "--quiet", "--no-trunc") == before
    assert workshop.people()[0]["state"] == "active"


def test_a_key_is_revoked_at_once_whoever_else_is_at_work_there(workshop: FleetWorkshop, elsewhere: Fleet) -> None:
    with HostLocks(ADA) as locks:
        locks.take(elsewhere["far"])
        workshop.run("participants revoke", "p01")
        assert workshop.people()[0]["state"] == "revoked"
        workshop.run("participants restore", "p01")
    assert workshop.people()[0]["state"] == "active"


def test_it_is_free_after_a_command_and_no_file_is_left(workshop: FleetWorkshop, host: SshHost) -> None:
    assert workshop.provision()["changed"] == 0
    assert lock_files(host) == ""
    looking = workshop.run("status", "--output", "json").json
    assert looking["ok"]


def test_commands_that_look_do_not_wait(workshop: FleetWorkshop, host: SshHost, elsewhere: Fleet) -> None:
    with HostLocks(ADA) as locks:
        locks.take(elsewhere[host.name])
        assert workshop.run("status", "--output", "json").json["ok"]
        workshop.run("plan")


def test_a_command_that_was_killed_holds_nothing(
    workshop: FleetWorkshop, host: SshHost, bed: Bed, elsewhere: Fleet
) -> None:
    words = [host.name, host.address, str(bed.identity), str(bed.known_hosts)]
    with subprocess.Popen([sys.executable, "-c", HOLDER, *words], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert lock_files(host)
        os.kill(holder.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while lock_files(host) and time.monotonic() < deadline:
        time.sleep(0.2)
    with HostLocks(ADA) as locks:
        locks.take(elsewhere[host.name])


def test_a_machine_that_vanished_holds_it_for_a_while_only(
    workshop: FleetWorkshop, host: SshHost, elsewhere: Fleet, tmp_path: Path
) -> None:
    with HostLocks(ADA, patience=3) as locks:
        locks.take(elsewhere[host.name])
        host.partition()
        try:
            deadline = time.monotonic() + 20
            while lock_files(host) and time.monotonic() < deadline:
                time.sleep(0.5)
            assert lock_files(host) == ""
        finally:
            host.heal()
    assert workshop.provision()["changed"] == 0
