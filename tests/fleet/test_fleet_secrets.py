"""A secret reaches hosts as a private file and nothing else: no command line, no container's description, no log, no leftover."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, Ran, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost

CALLERS, TOKEN, PROVIDERS = "sentinel-callers-7f3a", "sentinel-token-91bc", "sentinel-provider-55de"
SENTINELS = (CALLERS, TOKEN, PROVIDERS)
WHERE_IT_LIES = {
    TOKEN: ["secrets/model-tiny-1.HF_TOKEN"],  # below the stack's folder, on the engine's host
    PROVIDERS: ["gateway/policy.json"],
}


@dataclass(frozen=True)
class Provisioned:
    workshop: FleetWorkshop
    hosts: tuple[SshHost, ...]
    ran: Ran
    processes: str  # every command line that was seen on a host meanwhile
    temporary: Path


class Watch(threading.Thread):
    """Looks at all command lines and environments of hosts, again and again."""

    def __init__(self, hosts: tuple[SshHost, ...]) -> None:
        super().__init__(daemon=True)
        self.hosts, self.seen, self.over = hosts, "", threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            for host in self.hosts:
                self.seen += host.try_run("ps", "axeww", "-o", "command").stdout.decode(errors="replace")


@pytest.fixture(scope="module")
def done(bed: Bed, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provisioned]:
    front, engines = hosts(HostSetup(name="front"), HostSetup(name="gpu-1"))
    give_weights(tmp_path_factory.mktemp("weights"), engines)
    temporary = tmp_path_factory.mktemp("temporary")
    models = [
        model("tiny", environment={"HF_TOKEN": "${env:MY_TOKEN}"}),
        {
            "name": "far",
            "engine": "external",
            "source": "x",
            "base_url": "http://192.0.2.1:9/v1",
            "api_key": "${env:MY_PROVIDER}",
        },
    ]
    sections = [
        host_section(front, bed, "gateway"),
        host_section(engines, bed, "inference", user="ubuntu", become=True),
    ]
    with fleet_workshop(bed, tmp_path_factory.mktemp("secrets"), hosts=sections, models=models) as workshop:
        workshop.environment |= {
            "CLOUD_SECRET": CALLERS,
            "MY_TOKEN": TOKEN,
            "MY_PROVIDER": PROVIDERS,
            "TMPDIR": str(temporary),
        }
        watch = Watch((front, engines))
        watch.start()
        ran = workshop.run("provision", "-v", code=4)  # nobody answers at the provider's
        watch.over.set()
        watch.join(60)
        yield Provisioned(workshop, (front, engines), ran, watch.seen, temporary)


def test_the_watch_saw_the_run(done: Provisioned) -> None:
    assert "docker compose" in done.processes
    assert "CLOUD" not in done.processes


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_no_command_line_or_environment_on_a_host_had_it_but_the_engines_own(done: Provisioned, sentinel: str) -> None:
    shown = [line for line in done.processes.splitlines() if sentinel in line]
    own = [line for line in shown if "llama-server" in line.split("=")[0] and sentinel == TOKEN]
    assert shown == own


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_docker_does_not_show_it(done: Provisioned, sentinel: str) -> None:
    for host in done.hosts:
        for container in host.docker("ps", "-aq").split():
            assert sentinel not in host.docker("inspect", container)
            assert sentinel not in host.docker("logs", container)


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_on_a_host_it_lies_in_its_own_private_file_only(done: Provisioned, sentinel: str) -> None:
    found: list[str] = []
    for host in done.hosts:
        places = ["/root", "/home", "/tmp", "/var/tmp", "/etc", "/run/user"]
        grep = host.try_run("grep", "-rlsF", "--exclude-dir=docker", sentinel, *places)
        found += grep.stdout.decode().split()
    folder = "/root/.local/share/workshop/workshop-fleet/"
    assert [path.removeprefix(folder) for path in found] == WHERE_IT_LIES.get(sentinel, [])
    for path in found:
        modes = {host.try_run("stat", "-c", "%a", path).stdout.strip() for host in done.hosts}
        assert modes - {b""} == {b"600"}


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_here_it_is_in_no_output_log_event_or_temporary_file(done: Provisioned, sentinel: str) -> None:
    assert sentinel not in done.ran.out + done.ran.err
    assert list(done.temporary.iterdir()) == []
    grep = subprocess.run(
        ["grep", "-rlF", sentinel, str(done.workshop.folder)], capture_output=True, text=True, check=False
    )
    rendered = done.workshop.folder / ".workshop" / "fleet" / "rendered"
    assert all(Path(path).is_relative_to(rendered) for path in grep.stdout.split())
    assert all(Path(path).stat().st_mode & 0o077 == 0 for path in grep.stdout.split())
