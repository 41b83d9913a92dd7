"""A host that dies is replaced by another: one edit, one `provision`, the same keys; what left is taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("a host dies and another comes, minutes; test_fleet_one_host has what is put back")

ROLES = ("gateway", "inference")
Pair = tuple[SshHost, SshHost]


@pytest.fixture(scope="module")
def pair(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    old, new = hosts(HostSetup(name="old"), HostSetup(name="new"))
    give_weights(tmp_path_factory.mktemp("weights"), old, new)
    return old, new


@pytest.fixture(scope="module")
def workshop(bed: Bed, pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorkshop]:
    hosts = [host_section(pair[0], bed, *ROLES, name="main")]
    with fleet_workshop(bed, tmp_path_factory.mktemp("replaced"), hosts=hosts, models=[model("tiny")]) as workshop:
        workshop.provision()
        yield workshop


def test_another_machine_under_the_same_name_takes_over_with_the_same_keys(
    workshop: FleetWorkshop, bed: Bed, pair: Pair
) -> None:
    old, new = pair
    keys = [person["api_key"] for person in workshop.people()]
    workshop.write(hosts=[host_section(new, bed, *ROLES, name="main")])
    done = workshop.provision()
    assert done["ok"]
    assert f"main@{old.address}: left the workshop; nothing is left there" in done["changes"]
    assert [person["api_key"] for person in workshop.people()] == keys
    assert new.address in workshop.people()[0]["api_base"]
    assert workshop.ask(keys[0])
    assert old.docker("ps", "-aq") == ""
    assert workshop.provision()["changed"] == 0


def test_a_dead_machine_is_replaced_too_and_cleaned_when_it_is_back(
    workshop: FleetWorkshop, bed: Bed, pair: Pair
) -> None:
    old, new = pair
    new.kill()
    failed = workshop.run("provision", "--output", "json", code=3).json["error"]
    assert (failed["code"], failed["host"]) == ("ssh_unreachable", "main")
    workshop.write(hosts=[host_section(old, bed, *ROLES, name="main")])
    done = workshop.provision()
    assert done["ok"]
    assert any("what lies there stays until it can be reached" in note for note in done["notes"])
    assert workshop.ask(workshop.people()[0]["api_key"])
    new.start()
    assert workshop.provision()["changes"] == [f"main@{new.address}: left the workshop; nothing is left there"]
    assert new.docker("ps", "-aq") == ""


def test_teardown_reaches_hosts_that_left_and_goes_on_later_where_one_is_down(
    workshop: FleetWorkshop, bed: Bed, pair: Pair
) -> None:
    old, new = pair
    workshop.write(hosts=[host_section(new, bed, *ROLES, name="main")])
    old.kill()
    workshop.provision()
    done = workshop.run("teardown", "--yes", "--output", "json", code=3).json
    assert [problem["host"] for problem in done["problems"]] == [f"main@{old.address}"]
    assert done["left"] == []
    assert new.docker("ps", "-aq") == ""
    old.start()
    again = workshop.run("teardown", "--yes", "--output", "json").json
    assert (again["ok"], again["hosts"]) == (True, [f"main@{old.address}"])
    assert old.docker("ps", "-aq") == ""
