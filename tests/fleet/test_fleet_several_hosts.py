"""A class on several machines: grown, shrunk, with one of them gone and back, under streams that nobody cuts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost
from tests.fleet.bed.streaming_load import Stream

pytestmark = pytest.mark.full("a class on three hosts, minutes; test_fleet_secrets has one on two")


@dataclass(frozen=True)
class Fleet:
    front: SshHost
    first: SshHost
    second: SshHost
    workshop: FleetWorkshop

    def sections(self, *names: str) -> list[dict[str, object]]:
        """The hosts of these names, as the spec names them."""
        hosts = {"front": self.front, "gpu-1": self.first, "gpu-2": self.second}
        bed = self.workshop.bed
        return [host_section(hosts[n], bed, "gateway" if n == "front" else "inference", name=n) for n in names]


@pytest.fixture(scope="module")
def fleet(bed: Bed, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    front, first, second = hosts(HostSetup(name="front"), HostSetup(name="gpu-1"), HostSetup(name="gpu-2"))
    give_weights(tmp_path_factory.mktemp("weights"), first, second)
    folder = tmp_path_factory.mktemp("several")
    with fleet_workshop(bed, folder, hosts=[], models=[]) as workshop:
        fleet = Fleet(front, first, second, workshop)
        tiny = model("tiny", replicas=2, context=4096)
        workshop.write(hosts=fleet.sections("front", "gpu-1", "gpu-2"), models=[tiny])
        yield fleet


def backends(fleet: Fleet) -> dict[str, str]:
    found = fleet.workshop.run("backends list", "--output", "json").json["backends"]
    return {backend["name"]: backend["state"] for backend in found}


def key(fleet: Fleet) -> str:
    return str(fleet.workshop.people()[0]["api_key"])


def test_replicas_are_spread_and_answer_through_the_edges(fleet: Fleet) -> None:
    done = fleet.workshop.provision()
    assert done["ok"]
    assert [host["ok"] for host in done["hosts"]] == [True, True, True]
    assert backends(fleet) == {"model-tiny-1": "up", "model-tiny-2": "up"}
    for host in (fleet.first, fleet.second):
        assert "model-tiny-" in host.docker("ps", "--format", "{{.Names}}")
    assert fleet.workshop.provision()["changed"] == 0


def test_a_host_that_dies_costs_its_own_streams_and_comes_back_by_itself(fleet: Fleet) -> None:
    workshop = fleet.workshop
    fleet.second.kill()
    assert all(workshop.ask(key(fleet)) for _ in range(6))
    assert sorted(backends(fleet).values()) == ["down", "up"]
    done = workshop.provision(code=3)
    assert [host["name"] for host in done["hosts"] if not host["ok"]] == ["gpu-2"]
    assert "not reached over SSH" in next(host["problem"] for host in done["hosts"] if not host["ok"])
    fleet.second.start()
    begun = time.monotonic()
    while "down" in backends(fleet).values():
        assert time.monotonic() - begun < 60
    assert workshop.provision()["ok"]


def test_a_proof_is_kept_for_the_containers_of_every_host(fleet: Fleet) -> None:
    assert fleet.workshop.provision()["checks"] == []
    for host in (fleet.first, fleet.second):
        host.docker("restart", "workshop-fleet-edge-1")
        done = fleet.workshop.provision()
        assert done["ok"]
        assert done["checks"] != []


def test_a_replica_is_taken_away_and_no_stream_is_cut(fleet: Fleet) -> None:
    workshop = fleet.workshop
    api = workshop.people()[0]["api_base"]
    streams = [Stream(api, key(fleet), "tiny") for _ in range(2)]
    for stream in streams:
        stream.start()
        assert stream.began.wait(30), stream.error
    workshop.write(hosts=fleet.sections("front", "gpu-1"), models=[model("tiny", context=4096)])
    done = workshop.provision()
    for stream in streams:
        stream.join(120)
    assert [(stream.whole, stream.error) for stream in streams] == [(True, "")] * 2
    assert done["ok"]
    assert any("gpu-2: left the workshop" in change for change in done["changes"])
    assert fleet.second.docker("ps", "-aq") == ""
    assert backends(fleet) == {"model-tiny-1": "up"}


def test_a_host_is_added_while_streams_go_on(fleet: Fleet) -> None:
    workshop = fleet.workshop
    stream = Stream(workshop.people()[0]["api_base"], key(fleet), "tiny")
    stream.start()
    assert stream.began.wait(30), stream.error
    both = [model("tiny", context=4096), model("other", host="gpu-2")]
    workshop.write(hosts=fleet.sections("front", "gpu-1", "gpu-2"), models=both)
    assert workshop.provision()["ok"]
    stream.join(120)
    assert (stream.whole, stream.error) == (True, "")
    assert workshop.ask(key(fleet), "other")


def test_nothing_of_the_engines_can_be_reached_past_the_edges(fleet: Fleet) -> None:
    published = fleet.first.docker("ps", "--format", "{{.Names}} {{.Ports}}").splitlines()
    open_ports = [line for line in published if "->" in line]
    assert len(open_ports) == 1
    assert "edge" in open_ports[0]
    refused = fleet.front.try_run(
        "curl",
        "-sk",
        "-m",
        "5",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        f"https://{fleet.first.address}:7443/v1/models",
    )
    assert refused.stdout.strip().decode() in {"000", "400", "403"}


def test_teardown_cleans_them_all(fleet: Fleet) -> None:
    done = fleet.workshop.run("teardown", "--yes", "--output", "json").json
    assert (done["ok"], sorted(done["hosts"])) == (True, ["front", "gpu-1", "gpu-2"])
    for host in (fleet.front, fleet.first, fleet.second):
        assert host.docker("ps", "-aq") == ""
        assert host.docker("volume", "ls", "-q") == ""
