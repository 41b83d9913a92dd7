"""The bed's hosts are machines like others: SSH with keys that are checked, a Docker engine, ports."""

import time
import urllib.request
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.keys import SshKey
from tests.fleet.bed.ssh_client import REFUSED, ssh
from tests.fleet.bed.ssh_host import H100, L4, HostSetup, SshHost

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")

Two = tuple[SshHost, SshHost]


@pytest.fixture(scope="module")
def two(hosts: Hosts) -> Two:
    first, second = hosts(HostSetup(name="gpu-1", gpus=[H100, L4]), HostSetup(name="front"))
    return first, second


@pytest.mark.parametrize("user", ["root", "ubuntu", "dock", "plain"])
def test_a_known_host_lets_the_key_in(bed: Bed, two: Two, user: str) -> None:
    for host in two:
        done = ssh(bed.ssh_command(host, user=user), "id -un; hostname; python3 -c 'print(6 * 7)'")
        assert done.stdout.split() == [user, host.name, "42"], done.stderr


def test_another_key_is_refused(bed: Bed, two: Two, tmp_path: Path) -> None:
    done = ssh(bed.ssh_command(two[0], identity=SshKey().write(tmp_path / "other")), "true")
    assert done.returncode == REFUSED
    assert "Permission denied (publickey)" in done.stderr


def test_a_host_whose_key_is_not_known_or_another_is_not_talked_to(bed: Bed, two: Two, tmp_path: Path) -> None:
    nobody = tmp_path / "empty"
    nobody.touch()
    assert "No ED25519 host key is known" in ssh(bed.ssh_command(two[0], known_hosts=nobody), "true").stderr
    wrong = ssh(bed.ssh_command(two[0], known_hosts=bed.wrong_known_hosts(two[0])), "true")
    assert wrong.returncode == REFUSED
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in wrong.stderr


def test_the_fingerprint_is_what_ssh_tools_show(two: Two) -> None:
    for host in two:
        shown = host.run("ssh-keygen", "-l", "-f", "/etc/ssh/ssh_host_ed25519_key")
        assert host.fingerprint in shown.split()


def test_docker_is_for_root_by_sudo_and_for_its_group(bed: Bed, two: Two) -> None:
    ask = "docker version --format '{{.Server.Version}}'"
    host = two[1]
    assert ssh(bed.ssh_command(host), ask).stdout.strip()
    assert ssh(bed.ssh_command(host, user="ubuntu"), f"sudo -n {ask}").stdout.strip()
    assert ssh(bed.ssh_command(host, user="dock"), ask).stdout.strip()
    for user in ("ubuntu", "plain"):
        assert "permission denied" in ssh(bed.ssh_command(host, user=user), ask).stderr
    for user in ("dock", "plain"):
        assert ssh(bed.ssh_command(host, user=user), "sudo -n true").returncode != 0


def test_each_host_has_an_engine_of_its_own(two: Two) -> None:
    first, second = two
    first.docker("volume", "create", "only-here")
    assert "only-here" in first.docker("volume", "ls", "--quiet").split()
    assert "only-here" not in second.docker("volume", "ls", "--quiet").split()
    major, minor = first.docker("compose", "version", "--short").split(".")[:2]
    assert (int(major), int(minor)) >= (2, 20)


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return str(answer.read().decode())


def test_a_published_port_answers_from_here_and_from_another_host(bed: Bed, two: Two, small_image: str) -> None:
    first, second = two
    bed.load(small_image, first)
    serve = "mkdir -p /www && echo from-gpu-1 > /www/index.html && exec httpd -f -p 8000 -h /www"
    first.docker("run", "-d", "--init", "-p", "8000:8000", small_image, "sh", "-c", serve)
    until = time.monotonic() + 20
    while True:
        try:
            assert get(f"http://{first.address}:8000/") == "from-gpu-1\n"
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)
    assert second.run("curl", "-sf", f"http://{first.address}:8000/") == "from-gpu-1\n"


def test_no_image_arrives_where_it_was_not_loaded(two: Two, small_image: str) -> None:
    assert not two[1].docker("image", "ls", "--quiet", small_image)
