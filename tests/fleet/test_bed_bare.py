"""A machine as it is rented: systemd, sshd, Python, sudo, no Docker."""

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.ssh_client import ssh
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")


@pytest.fixture(scope="module")
def bare(hosts: Hosts) -> SshHost:
    return hosts(HostSetup(name="bare", kind="bare"))[0]


def test_it_has_systemd_and_no_docker(bed: Bed, bare: SshHost) -> None:
    done = ssh(bed.ssh_command(bare, user="ubuntu"), "systemctl is-system-running; sudo -n id -un; command -v docker")
    assert done.stdout.split() == ["running", "root"], done
    assert ssh(bed.ssh_command(bare), "python3 -c 'print(6 * 7)'").stdout == "42\n"


def test_packages_can_be_installed_and_services_run(bed: Bed, bare: SshHost) -> None:
    done = ssh(
        bed.ssh_command(bare, user="ubuntu"), "sudo -n apt-get update -qq && apt-cache policy docker.io", seconds=90
    )
    assert "Candidate: 2" in done.stdout, done
    unit = "sudo -n systemd-run --unit=fleet-test --quiet sleep 60; systemctl is-active fleet-test"
    assert ssh(bed.ssh_command(bare, user="ubuntu"), unit).stdout == "active\n"


def test_it_comes_back_after_a_restart_and_a_partition(bed: Bed, bare: SshHost) -> None:
    bare.stop()
    bare.start()
    assert ssh(bed.ssh_command(bare), "hostname").stdout == "bare\n"
    bare.partition()
    assert ssh(bed.ssh_command(bare, connect_timeout=1), "true").returncode != 0
    bare.heal()
    assert ssh(bed.ssh_command(bare), "hostname").stdout == "bare\n"
