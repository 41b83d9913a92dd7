"""A command that is killed over SSH: the next one goes on, nothing is there twice, and nothing of it lies around."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full(
    "a command that is killed at every step, minutes; tests/unit/test_host_lock has what holds a host"
)

SETTLED = 30  # s in which what a killed command had started ends
BESIDE = "/root/.local/share/workshop"


@dataclass(frozen=True)
class Class:
    front: SshHost
    gpu: SshHost
    workshop: FleetWorkshop
    temporary: Path
    keys: dict[str, set[str]]  # that anybody was ever told, by participant

    @property
    def hosts(self) -> tuple[SshHost, ...]:
        return (self.front, self.gpu)

    def note_keys(self) -> None:
        for person in self.workshop.people():
            self.keys.setdefault(person["id"], set()).add(person["api_key"])

    def interrupt(self, at: str, number: signal.Signals, *words: str) -> tuple[int, str]:
        """A signal for the program alone, once a line of its progress has `at` in it."""
        command = self.workshop.command(*(words or ("provision", str(self.workshop.file))))
        with subprocess.Popen(
            command,
            cwd=self.workshop.folder,
            env=self.workshop.variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if at in line:
                    os.kill(process.pid, number)
                    break
            rest = "" if number == signal.SIGKILL else process.stderr.read()  # others have its stderr and live on
            code = process.wait(120)
        assert any(at in line for line in lines), "".join(lines)
        return code, "".join(lines) + rest

    def processes(self) -> list[str]:
        """What still runs here of the commands of this class; ssh's shared connections end by themselves."""
        mark, found = f"TMPDIR={self.temporary}\0".encode(), []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if not words.startswith("ssh: "):
                        found.append(words)
        return found

    def settle(self) -> None:
        """Until nothing runs any more here or on the hosts, and no lock is held."""
        end = time.monotonic() + SETTLED
        while left := [*self.processes(), *(line for host in self.hosts for line in beside(host, ".lock"))]:
            assert time.monotonic() < end, left
            time.sleep(0.2)


def beside(host: SshHost, ending: str) -> list[str]:
    listed = host.run("sh", "-c", f"ls -A {BESIDE} 2>/dev/null || true").split()
    return [f"{host.name}: {name}" for name in listed if name.endswith(ending)]


@pytest.fixture(scope="module")
def killed(bed: Bed, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    front, gpu = hosts(HostSetup(name="front"), HostSetup(name="gpu-1"))
    give_weights(tmp_path_factory.mktemp("weights"), gpu)
    temporary = tmp_path_factory.mktemp("k")
    sections = [host_section(front, bed, "gateway"), host_section(gpu, bed, "inference")]
    with fleet_workshop(bed, tmp_path_factory.mktemp("killed"), hosts=sections, models=[model("tiny")]) as workshop:
        workshop.environment["TMPDIR"] = str(temporary)
        yield Class(front, gpu, workshop, temporary, {})


POINTS = ["  Images", ": copying workshop-", ": Copy the stack's files", "gpu-1: Start the containers"]


@pytest.mark.parametrize("at", POINTS, ids=["nothing written", "images under way", "files", "containers"])
def test_killed_it_leaves_nobody_at_work_and_no_lock(killed: Class, at: str) -> None:
    """One after the other on the same class: each run comes further than the one before."""
    code, _ = killed.interrupt(at, signal.SIGKILL)

    assert code == -signal.SIGKILL
    killed.settle()
    killed.note_keys()
    assert killed.workshop.run("status", "--output", "json").json["busy"] is None


def test_the_next_run_comes_to_its_end_with_the_same_keys(killed: Class) -> None:
    done = killed.workshop.provision()

    assert done["ok"]
    assert all(check["ok"] for check in done["checks"])
    assert killed.workshop.provision()["changed"] == 0
    killed.note_keys()
    assert {person: len(keys) for person, keys in killed.keys.items()} == {"p01": 1, "p02": 1}
    assert len(killed.gpu.docker("ps", "-aq").split()) == 2
    assert len(killed.front.docker("ps", "-aq").split()) == 1


@pytest.mark.parametrize("at", ["Unpack them there", "Copy the stack's files"])
def test_killed_while_the_policy_is_written_answers_go_on(killed: Class, at: str) -> None:
    limit = 100 + len(at)
    killed.workshop.write(limits={"requests_per_minute": limit})
    code, _ = killed.interrupt(at, signal.SIGKILL)
    assert code == -signal.SIGKILL
    killed.settle()

    assert killed.workshop.ask(killed.workshop.people()[0]["api_key"])
    assert killed.workshop.provision()["ok"]
    assert f'"requests_per_minute": {limit}' in killed.front.read(f"{BESIDE}/workshop-fleet/gateway/policy.json")


def test_ctrl_c_ends_in_order_and_says_how_to_go_on(killed: Class) -> None:
    killed.gpu.run("sh", "-c", "docker rm -f $(docker ps -q -f name=model-tiny)")
    code, said = killed.interrupt("Start the containers", signal.SIGINT)

    assert code == 130
    assert "interrupted; the same command goes on where it stopped" in said
    assert "Traceback" not in said
    killed.settle()
    assert killed.workshop.provision()["ok"]


def test_nothing_of_the_killed_runs_lies_around(killed: Class) -> None:
    """Folders of this machine are removed by the next command, those on hosts with the lock."""
    assert list(killed.temporary.iterdir()) == []
    state = killed.workshop.folder / ".workshop"
    assert [path for path in state.rglob("*") if path.name.endswith((".new", ".tar")) and path.is_file()] == []
    for host in killed.hosts:
        assert sorted(host.run("ls", "-A", BESIDE).split()) == ["workshop-fleet", "workshop-fleet.json"]
        assert host.run("sh", "-c", "ls -A /root/.ansible/tmp 2>/dev/null || true").split() == []
        assert host.run("sh", "-c", "find / -xdev -name '.new' -not -path '/proc/*' 2>/dev/null || true") == ""


def test_teardown_leaves_nothing(killed: Class) -> None:
    done = killed.workshop.run("teardown", "--yes", "--output", "json").json
    assert (done["ok"], done["left"]) == (True, [])
    for host in killed.hosts:
        assert host.docker("ps", "-aq") + host.docker("volume", "ls", "-q") == ""
        assert host.run("ls", "-A", BESIDE) == ""
