"""What can befall a host, and how it gets well again."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.ssh_client import REFUSED, ssh
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")

Two = tuple[SshHost, SshHost]


@pytest.fixture(scope="module")
def two(hosts: Hosts) -> Two:
    first, second = hosts(
        HostSetup(name="shaky", disks={"/var/lib/docker": "100m", "/srv": "4m"}), HostSetup(name="firm")
    )
    return first, second


@pytest.fixture
def healed(two: Two) -> Iterator[Two]:
    yield two
    two[0].heal()


def connects(host: SshHost, seconds: float = 1.5) -> bool:
    """Raises the error with which a connection is refused; False: nothing at all came back."""
    try:
        with socket.create_connection((host.address, host.port), timeout=seconds):
            return True
    except TimeoutError:
        return False


def reaches(source: SshHost, target: SshHost) -> int:
    """curl's exit code: 0 it talks, 28 nothing came back."""
    return source.try_run("curl", "-s", "--http0.9", "-o", "/dev/null", "-m", "1.5", "--connect-timeout", "1.5", "-r", "0-1",
                          f"http://{target.address}:{target.port}/").returncode  # fmt: skip


def test_a_partition_is_a_black_hole_until_it_heals(healed: Two) -> None:
    first, second = healed
    assert connects(first)
    first.partition()
    assert not connects(first)
    assert connects(second)
    first.heal()
    assert connects(first)


def test_a_partition_cuts_connections_that_are_open(bed: Bed, healed: Two) -> None:
    first, _ = healed
    with socket.create_connection((first.address, first.port), timeout=1.5) as connection:
        assert connection.recv(255).startswith(b"SSH-")
        first.partition()
        connection.sendall(b"SSH-2.0-test\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        first.heal()
        connection.settimeout(10)
        assert connection.recv(1)  # sent again: nobody was told that anything was wrong


def test_a_partition_between_two_hosts_is_not_seen_from_elsewhere(healed: Two) -> None:
    first, second = healed
    first.partition(second)
    assert reaches(second, first) == reaches(first, second) == 28
    assert connects(first)
    assert connects(second)
    second.heal()
    assert reaches(second, first) == 28  # it was not there that they were cut off
    first.heal()
    assert reaches(second, first) != 28


def test_an_unplugged_host_comes_back_under_its_address(bed: Bed, two: Two) -> None:
    first, _ = two
    first.unplug()
    try:
        with pytest.raises(OSError, match=r"No route to host|timed out"):
            socket.create_connection((first.address, first.port), timeout=2)
    finally:
        first.plug()
    assert ssh(bed.ssh_command(first), "hostname").stdout.strip() == first.name


def test_a_host_that_was_shut_down_or_killed_comes_back_as_it_was(bed: Bed, two: Two) -> None:
    host = two[1]
    host.docker("volume", "create", "kept")
    for end in (host.stop, host.kill):
        end()
        assert not host.is_running()
        assert ssh(bed.ssh_command(host, connect_timeout=1), "true").returncode == REFUSED
        host.start()
        assert "kept" in host.docker("volume", "ls", "--quiet").split()
        assert ssh(bed.ssh_command(host), "hostname").stdout.strip() == host.name


def test_the_engine_can_be_down_while_sshd_answers(bed: Bed, two: Two) -> None:
    host = two[1]
    host.stop_engine()
    try:
        assert "Cannot connect to the Docker daemon" in ssh(bed.ssh_command(host), "docker info").stderr
    finally:
        host.start_engine()
    assert ssh(bed.ssh_command(host), "docker info").returncode == 0


def test_a_small_disk_can_be_full(bed: Bed, two: Two) -> None:
    host = two[0]
    host.write("/srv/before", "x" * 1000)
    host.fill_disk("/srv")
    done = ssh(bed.ssh_command(host), "dd if=/dev/zero of=/srv/more bs=64k count=1")
    assert "No space left on device" in done.stderr
    host.fill_disk("/var/lib/docker", leave=1 << 20)
    free = int(host.run("stat", "--file-system", "--format", "%a", "/var/lib/docker"))
    assert free * 4096 <= 1 << 20
    for path in ("/srv", "/var/lib/docker"):
        host.free_disk(path)
    assert ssh(bed.ssh_command(host), "dd if=/dev/zero of=/srv/more bs=64k count=1").returncode == 0
    with pytest.raises(ValueError, match="no small disk"):
        host.fill_disk("/")


def test_a_host_that_was_installed_anew_is_not_talked_to(bed: Bed, two: Two) -> None:
    host = two[0]
    before = host.fingerprint
    host.rekey()
    assert host.fingerprint != before
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ssh(bed.ssh_command(host), "true").stderr


def test_a_slow_route_takes_its_time_and_loses_nothing(bed: Bed, two: Two) -> None:
    host = two[1]
    with bed.slow_route(host, delay=0.2) as route:
        begun = time.monotonic()
        done = ssh(bed.ssh_command(host, route=route), "seq 100000")
        assert done.stdout == "".join(f"{number}\n" for number in range(1, 100001))
        # connecting, versions, key exchange, authentication: never less than five ways back and forth
        assert time.monotonic() - begun > 5 * 0.2
        assert route.connections == 1
        route.delay = 0
        route.stall()
        assert ssh(bed.ssh_command(host, route=route, connect_timeout=1), "true").returncode == REFUSED
        route.resume()
        assert ssh(bed.ssh_command(host, route=route), "echo again").stdout == "again\n"
