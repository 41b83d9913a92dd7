"""Hosts and users with certificates instead of keys that are listed."""

from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.keys import HOUR, SshAuthority, SshKey
from tests.fleet.bed.ssh_client import REFUSED, ssh
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")

AUTHORITY = SshAuthority()


@pytest.fixture(scope="module")
def host(hosts: Hosts) -> SshHost:
    """Takes users' certificates only, and shows one of its own."""
    return hosts(HostSetup(name="certified", trusts=[], certified_by=AUTHORITY, user_authority=AUTHORITY))[0]


def test_a_host_that_trusts_nobody_refuses_the_key(bed: Bed, host: SshHost) -> None:
    done = ssh(bed.ssh_command(host), "true")
    assert (done.returncode, "Permission denied (publickey)" in done.stderr) == (REFUSED, True)


def test_a_host_may_shut_out_whoever_failed_too_often(bed: Bed, hosts: Hosts, tmp_path: Path) -> None:
    strict = hosts(HostSetup(name="strict", sshd="PerSourcePenalties authfail:60s min:1s"))[0]
    other = bed.ssh_command(strict, identity=SshKey().write(tmp_path / "other"))
    for _ in range(20):  # it counts a failure a moment after it told of it
        assert ssh(other, "true").returncode == REFUSED
        if "Connection reset" in ssh(bed.ssh_command(strict), "true").stderr:
            return
    pytest.fail("the right key still opens it")


def test_a_users_certificate_is_taken(bed: Bed, host: SshHost, tmp_path: Path) -> None:
    key = SshKey()
    identity = key.write(tmp_path / "id", AUTHORITY.user(key, ["root", "ubuntu"]))
    assert ssh(bed.ssh_command(host, identity=identity, user="ubuntu"), "id -un").stdout == "ubuntu\n"
    assert ssh(bed.ssh_command(host, identity=identity, user="plain"), "true").returncode == REFUSED


@pytest.mark.parametrize(
    ("authority", "begins", "ends"),
    [(AUTHORITY, -HOUR, -60), (AUTHORITY, HOUR, 2 * HOUR), (SshAuthority(), -HOUR, HOUR)],
    ids=["expired", "not yet", "of somebody else"],
)
def test_other_certificates_are_refused(
    bed: Bed, host: SshHost, tmp_path: Path, authority: SshAuthority, begins: float, ends: float
) -> None:
    key = SshKey()
    identity = key.write(tmp_path / "id", authority.user(key, ["root"], begins=begins, ends=ends))
    assert ssh(bed.ssh_command(host, identity=identity), "true").returncode == REFUSED


def test_a_hosts_certificate_stands_for_its_key(bed: Bed, host: SshHost, tmp_path: Path) -> None:
    key = SshKey()
    identity = key.write(tmp_path / "id", AUTHORITY.user(key, ["root"]))
    known = tmp_path / "known_hosts"
    for authority, code in ((AUTHORITY, 0), (SshAuthority(), REFUSED)):
        known.write_text(f"{authority.known_hosts_line()}\n", encoding="utf-8")
        done = ssh(bed.ssh_command(host, identity=identity, known_hosts=known), "true")
        assert done.returncode == code, done.stderr
