"""SSH certificates that do not hold: one line with the host, the cause and what to do; other hosts answer meanwhile."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from orchestrator.errors import UserError
from orchestrator.fleet.fleet import Fleet
from orchestrator.state.deployed import DeployedHost
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.keys import HOUR, SshAuthority, SshKey
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("certificates of SSH; test_fleet_machine has keys that are refused")

AUTHORITY = SshAuthority()


@pytest.fixture(scope="module")
def pair(hosts: Hosts) -> tuple[SshHost, SshHost]:
    """The second takes users' certificates only."""
    front, strict = hosts(HostSetup(name="front"), HostSetup(name="gpu-1", trusts=[], user_authority=AUTHORITY))
    return front, strict


def why(bed: Bed, host: SshHost, other: SshHost, key: Path, known_hosts: Path | None = None) -> UserError:
    """Of `host` when both are asked; the other one must answer."""

    def at(one: SshHost, key: Path) -> DeployedHost:
        folder = PurePosixPath("~/.local/share/workshop/workshop-w")
        return DeployedHost(
            name=one.name,
            connection="ssh",
            address=one.address,
            user="root",
            port=one.port,
            key=key,
            project="w",
            folder=folder,
        )

    known = known_hosts or bed.known_hosts
    with Fleet([at(other, bed.identity), at(host, key)], known) as fleet:
        found, failed = fleet.each(lambda machine: machine.look())
    assert list(found) == [other.name]
    return failed[host.name]


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [(-2 * HOUR, -HOUR, "id-cert.pub expired 2"), (HOUR, 2 * HOUR, "id-cert.pub is valid from 2")],
    ids=["expired", "not yet"],
)
def test_a_users_certificate_out_of_its_time_is_named_with_the_time(
    bed: Bed, pair: tuple[SshHost, SshHost], tmp_path: Path, begins: float, ends: float, said: str
) -> None:
    front, strict = pair
    key = SshKey()
    refused = why(
        bed, strict, front, key.write(tmp_path / "id", AUTHORITY.user(key, ["root"], begins=begins, ends=ends))
    )
    assert (refused.code, refused.exit_code) == ("ssh_certificate", 3)
    assert said in refused.message
    assert str(refused).startswith(f"gpu-1: root@{strict.address} refuses the sign-in: the certificate {tmp_path}")
    assert str(refused).endswith(". Get a new one where yours came from")


def test_a_certificate_for_somebody_else_is_a_key_that_is_refused(
    bed: Bed, pair: tuple[SshHost, SshHost], tmp_path: Path
) -> None:
    front, strict = pair
    key = SshKey()
    refused = why(bed, strict, front, key.write(tmp_path / "id", AUTHORITY.user(key, ["ubuntu"])))
    assert (refused.code, refused.exit_code) == ("ssh_refused", 3)
    assert f"the key {tmp_path / 'id'} is not accepted for root@{strict.address}" in refused.message


def test_a_hosts_certificate_that_expired_is_named(bed: Bed, pair: tuple[SshHost, SshHost], tmp_path: Path) -> None:
    front, strict = pair
    certificate = AUTHORITY.host(strict.key, [strict.address], ends=-HOUR)
    strict.write("/etc/ssh/ssh_host_ed25519_key-cert.pub", f"{certificate}\n")
    strict.write("/etc/ssh/sshd_config.d/certificate.conf", "HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub\n")
    strict.run("pkill", "-HUP", "-o", "sshd")
    known = tmp_path / "known_hosts"
    known.write_text(f"{AUTHORITY.known_hosts_line()}\n{front.address} {front.key.public}\n", encoding="utf-8")
    key = SshKey()
    identity = key.write(tmp_path / "id", AUTHORITY.user(key, ["root"]))
    refused = why(bed, strict, front, identity, known)
    assert (refused.code, refused.exit_code) == ("host_certificate", 3)
    assert "the host's SSH certificate is not valid: " in refused.message
    assert "expired" in refused.message
    assert "Have it renewed there" in str(refused)
