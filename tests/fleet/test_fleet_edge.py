"""The gateway on one machine, engines on others: provisioned, proven, renewed, grown and shrunk through their edges."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("edges come, go and are renewed, minutes; test_fleet_secrets has a class with one")

Three = tuple[SshHost, SshHost, SshHost]
SERVICE = '{{.Label "com.docker.compose.service"}}'


@pytest.fixture(scope="module")
def three(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Three:
    front, one, two = hosts(HostSetup(name="front"), HostSetup(name="one"), HostSetup(name="two"))
    give_weights(tmp_path_factory.mktemp("weights"), one, two)
    return front, one, two


def sections(bed: Bed, front: SshHost, *engines: SshHost) -> list[dict[str, object]]:
    return [host_section(front, bed, "gateway"), *(host_section(host, bed, "inference") for host in engines)]


@pytest.fixture(scope="module")
def workshop(bed: Bed, three: Three, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorkshop]:
    front, one, _ = three
    with fleet_workshop(
        bed, tmp_path_factory.mktemp("edges"), hosts=sections(bed, front, one), models=[model("tiny")]
    ) as made:
        yield made


def key(workshop: FleetWorkshop) -> str:
    return str(workshop.people()[0]["api_key"])


def edges(workshop: FleetWorkshop) -> Path:
    return workshop.folder / ".workshop" / "fleet" / "tls" / "edges"


def services(host: SshHost) -> set[str]:
    return set(host.docker("ps", "--format", SERVICE).split())


def test_it_comes_up_and_answers_from_another_machine(workshop: FleetWorkshop, three: Three) -> None:
    front, one, _ = three
    assert "make certificate between hosts one" in workshop.run("plan").out
    done = workshop.provision()
    assert done["ok"]
    assert (services(front), services(one)) == ({"gateway"}, {"edge", "model-tiny-1"})
    assert workshop.ask(key(workshop))
    names = {check["target"] for check in done["checks"] if check["name"] == "Ports on the host"}
    assert {"edge of one", "engine model-tiny-1"} <= names


def test_the_second_run_changes_nothing(workshop: FleetWorkshop) -> None:
    assert (done := workshop.provision())["changed"] == 0, done["changes"]


def test_the_edge_refuses_the_network(workshop: FleetWorkshop, three: Three) -> None:
    trust = ssl._create_unverified_context()  # noqa: S323  whoever it is, it must refuse
    with pytest.raises((urllib.error.URLError, ConnectionError)):  # not named: no handshake
        urllib.request.urlopen(f"https://{three[1].address}:7443/health", context=trust, timeout=5)


def test_no_key_lies_where_it_is_not_needed(workshop: FleetWorkshop, three: Three) -> None:
    """The authority's on no host, the gateway's on its own only, a host's on that one only."""
    front, one, _ = three
    for host, own in ((front, {"edges/client.conf", "edges/client.pem"}), (one, {"edge/key.pem"})):
        found = host.run("sh", "-c", "grep -rl 'PRIVATE KEY' /root/.local/share/workshop || true").split()
        assert {"/".join(path.split("/")[-2:]) for path in found} == own
        assert {host.run("stat", "-c", "%a", path).strip() for path in found} == {"600"}
        for secret in edges(workshop).rglob("authority.pem"):
            private = secret.read_text(encoding="utf-8").split("-----BEGIN CERTIFICATE")[0].splitlines()[1]
            assert not host.run("sh", "-c", f"grep -rlF '{private}' /root/.local/share/workshop || true")


def test_renewed_certificates_are_loaded_without_a_new_container(workshop: FleetWorkshop, three: Three) -> None:
    front, one, _ = three
    before = [host.docker("ps", "-q", "--no-trunc") for host in (front, one)]
    old = {host: host.run("sh", "-c", "cat /root/.local/share/workshop/*/edge*/c*.pem /dev/null") for host in (one,)}
    (edges(workshop) / "gateway.pem").unlink()
    (edges(workshop) / "hosts" / "one.pem").unlink()
    changes = workshop.provision()["changes"]
    assert {"front: gateway: new rules", "one: edge: new rules"} <= set(changes)
    assert [host.docker("ps", "-q", "--no-trunc") for host in (front, one)] == before
    assert old[one] != one.run("sh", "-c", "cat /root/.local/share/workshop/*/edge*/c*.pem /dev/null")
    assert workshop.ask(key(workshop))
    assert workshop.provision()["changed"] == 0


def test_a_second_machine_comes_and_goes(workshop: FleetWorkshop, bed: Bed, three: Three) -> None:
    front, one, two = three
    workshop.write(hosts=sections(bed, front, one, two), models=[model("tiny", replicas=2)])
    assert workshop.provision()["ok"]
    assert "edge" in services(two)
    states = json.loads(workshop.run("backends list", "--output", "json").out)["backends"]
    assert [backend["state"] for backend in states] == ["up", "up"]
    two.docker("kill", *two.docker("ps", "-q").split())
    assert all(workshop.ask(key(workshop)) for _ in range(6))
    workshop.write(hosts=sections(bed, front, one), models=[model("tiny")])
    assert workshop.provision()["ok"]
    assert {file.name for file in (edges(workshop) / "hosts").iterdir()} == {"one.pem"}
    assert services(two) == set()
