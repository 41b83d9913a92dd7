"""A host over SSH and its Docker engine are asked as this machine is: with sudo, a jump host, a fingerprint."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from orchestrator.errors import HostError, UserError
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.machine import Machine
from orchestrator.state.deployed import DeployedHost
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.keys import SshKey
from tests.fleet.bed.ssh_host import HostSetup, SshHost

FOLDER = PurePosixPath("~/.local/share/workshop/workshop-w")


@pytest.fixture(scope="module")
def pair(hosts: Hosts) -> tuple[SshHost, SshHost]:
    first, second = hosts(HostSetup(name="gpu-1"), HostSetup(name="front"))
    return first, second


@pytest.fixture(scope="module")
def host(pair: tuple[SshHost, SshHost]) -> SshHost:
    return pair[0]


def at(bed: Bed, host: SshHost, **fields: object) -> DeployedHost:
    plain: dict[str, object] = {"user": "root", "port": host.port, "key": bed.identity}
    return DeployedHost(
        name=host.name,
        connection="ssh",
        address=host.address,
        project="workshop-w",
        folder=FOLDER,
        **(plain | fields),  # type: ignore[arg-type]
    )


@pytest.fixture
def machine(bed: Bed, host: SshHost) -> Iterator[Machine]:
    with Fleet([at(bed, host)], bed.known_hosts) as fleet:
        yield fleet[host.name]


def why(bed: Bed, host: SshHost, known_hosts: Path | None = None, **fields: object) -> UserError:
    """What is said when this way does not lead to the host's Docker engine."""
    with Fleet([at(bed, host, **fields)], known_hosts or bed.known_hosts) as fleet, pytest.raises(UserError) as refusal:
        _ = fleet[host.name].docker
    return refusal.value


def test_a_look_tells_versions_ports_and_where_the_stack_lies(machine: Machine) -> None:
    found = machine.look([22, 8080])
    assert found.docker
    assert found.compose
    assert found.busy == {22}
    assert found.owner is None
    assert machine.folder == PurePosixPath("/root/.local/share/workshop/workshop-w")


def test_an_engine_that_answered_a_look_is_not_asked_again(machine: Machine, host: SshHost) -> None:
    host.write("/usr/local/bin/docker", '#!/bin/sh\necho "$@" >>/tmp/asked\nexec /usr/bin/docker "$@"\n', mode="0755")
    try:
        machine.look()
        assert machine.docker.client.ping()
        asked = host.read("/tmp/asked").splitlines()
    finally:
        host.run("rm", "/usr/local/bin/docker", "/tmp/asked")
    assert [line for line in asked if line.startswith("version")] == ["version --format {{.Server.Version}}"]


def test_words_reach_the_host_as_they_are(machine: Machine) -> None:
    hostile = ["", "a b", "$HOME", "`id`", "'", '"', ";true", "\n", "ä"]
    done = machine.channel.run(["python3", "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *hostile])
    assert done.code == 0
    assert json.loads(done.output) == hostile
    assert machine.channel.run(["cat"], said=b"\x00\xff").output == b"\x00\xff"
    assert machine.channel.run(["sh", "-c", "exit 7"]).code == 7


def test_a_file_is_read_and_replaced_as_a_whole(machine: Machine, host: SshHost) -> None:
    machine.look()
    host.run(
        "sh",
        "-c",
        f"mkdir -p {machine.folder}/gateway && cd {machine.folder}/gateway && umask 077 && echo old >policy.json",
    )
    assert machine.read("gateway/policy.json") == b"old\n"
    assert machine.read("gateway/other") is None
    assert not machine.replace("gateway/policy.json", b"new", before=b"another")
    assert machine.read("gateway/policy.json") == b"old\n"
    assert machine.replace("gateway/policy.json", b"new", before=b"old\n")
    assert machine.read("gateway/policy.json") == b"new"
    assert [file.mode for file in machine.files().values()] == [0o600]
    assert not machine.replace("gateway/other", b"new", before=b"old\n")
    with pytest.raises(HostError, match="can't be written: No such file or directory"):
        machine.replace("other/policy.json", b"new", before=b"old\n")


def test_the_docker_sdk_reads_and_talks_with_a_process(
    machine: Machine, bed: Bed, host: SshHost, gateway_image: str
) -> None:
    bed.load(gateway_image, host)
    client = machine.docker.client
    container = client.containers.run(gateway_image, ["sleep", "60"], entrypoint="", detach=True, network_mode="none")
    try:
        assert machine.docker.ask(container.id, ["echo", "hello"]) == (0, "hello\n")
        said = b"x" * 200_000
        status, output = machine.docker.converse(container.id, ["wc", "-c"], said)
        assert (status, output.strip()) == (0, "200000")
        threads = [threading.Thread(target=client.api.inspect_container, args=(container.id,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        container.remove(force=True)


@pytest.mark.parametrize("user", ["dock", "ubuntu"])
def test_a_user_of_the_docker_group_or_with_sudo_will_do(bed: Bed, host: SshHost, user: str) -> None:
    with Fleet([at(bed, host, user=user, become=user == "ubuntu")], bed.known_hosts) as fleet:
        machine = fleet[host.name]
        assert machine.docker.client.ping()
        machine.look()
        assert machine.folder.is_relative_to("/root" if user == "ubuntu" else "/home/dock")


def test_who_may_not_talk_to_docker_is_told_so(bed: Bed, host: SshHost) -> None:
    assert "you may not talk to Docker. Add the user to the group docker there" in str(why(bed, host, user="plain"))
    asked = why(bed, host, user="plain", become=True)
    assert asked.code == "sudo_password"
    assert "gpu-1: sudo asks plain for a password" in str(asked)


def test_a_host_is_reached_through_another(bed: Bed, pair: tuple[SshHost, SshHost]) -> None:
    behind, jump = pair
    with Fleet([at(bed, behind, jump=f"root@{jump.address}:{jump.port}")], bed.known_hosts) as fleet:
        assert fleet[behind.name].docker.client.ping()
        assert jump.address in fleet[behind.name].channel.run(["sh", "-c", "echo $SSH_CONNECTION"]).output.decode()


def test_the_fingerprint_in_the_spec_is_enough_and_nothing_else_then(
    bed: Bed, pair: tuple[SshHost, SshHost], tmp_path: Path
) -> None:
    host, other = pair
    nobody = tmp_path / "nobody"
    nobody.touch()
    with Fleet([at(bed, host, host_key=host.fingerprint)], nobody) as fleet:
        assert fleet[host.name].docker.client.ping()
    wrong = why(bed, host, host_key=other.fingerprint)  # though known_hosts has the right one
    assert wrong.code == "host_key_wrong"
    assert other.fingerprint in wrong.message


def test_a_host_key_that_is_unknown_or_another_stops(bed: Bed, host: SshHost, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody"
    nobody.touch()
    unknown = why(bed, host, nobody)
    assert unknown.code == "host_key_unknown"
    assert "host_key: SHA256:" in (unknown.hint or "")
    assert why(bed, host, bed.wrong_known_hosts(host)).code == "host_key_changed"


def test_a_key_that_is_refused_is_named(bed: Bed, host: SshHost, tmp_path: Path) -> None:
    other = SshKey().write(tmp_path / "other key")
    refused = why(bed, host, key=other)
    assert refused.code == "ssh_refused"
    assert str(other) in refused.message
    missing = why(bed, host, key=tmp_path / "none")
    assert missing.code in {"ssh_refused", "ssh_key_file"}


def test_a_host_that_is_off_is_given_up_soon_and_delays_no_other(bed: Bed, pair: tuple[SshHost, SshHost]) -> None:
    host, other = pair
    closed = at(bed, host, port=1)
    with Fleet([closed, at(bed, other)], bed.known_hosts) as fleet:
        found, failed = fleet.each(lambda machine: machine.look())
    assert list(found) == [other.name]
    assert failed[host.name].code == "ssh_unreachable"
    assert "Connection refused" in str(failed[host.name])
    assert why(bed, host, port=1).exit_code == 3


def test_nothing_stays_open(bed: Bed, host: SshHost) -> None:
    with Fleet([at(bed, host)], bed.known_hosts) as fleet:
        fleet[host.name].docker.client.ping()
        private = fleet._private
        assert any(private.rglob("*"))
    assert not private.exists()
    assert str(private).encode() not in b"".join(
        path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
    )
