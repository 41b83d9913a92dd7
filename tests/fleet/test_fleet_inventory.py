"""Hosts that a program tells, one of them behind a jump host: provisioned, let go when they left, torn down without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("hosts come and go behind a jump host; tests/unit/test_inventory_hosts has what is read")

SENTINEL, TOKEN = "sentinel-callers-4c1d", "sentinel-cloud-77aa"
CLOUD = """\
#!/bin/sh
env > seen
[ "$CLOUD_TOKEN" = "$(cat token)" ] || { echo "no entry with $CLOUD_TOKEN" >&2; exit 3; }
cat machines.json
"""


@dataclass(frozen=True)
class Cloud:
    front: SshHost
    engine: SshHost
    workshop: FleetWorkshop

    def has(self, *hosts: SshHost) -> None:
        """What the program tells from now on."""
        bed = self.workshop.bed
        variables = {
            self.front.name: {"ansible_host": self.front.address, "ansible_user": "root"},
            self.engine.name: {
                "ansible_host": self.engine.address,
                "ansible_user": "ubuntu",
                "ansible_become": True,
                "ansible_ssh_common_args": f"-o ProxyCommand='ssh -W %h:%p -q root@{self.front.address}'",
                "workshop_host_key": self.engine.fingerprint,
                "workshop_name": "engine",
            },
        }
        names = [host.name for host in hosts]
        told = {
            "all": {"vars": {"ansible_ssh_private_key_file": str(bed.identity), "ansible_port": 22}},
            "entry": {"hosts": [self.front.name]},
            "cpu": {"hosts": names},
            "_meta": {"hostvars": {name: variables[name] for name in names}},
        }
        (self.workshop.folder / "machines.json").write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture(scope="module")
def cloud(bed: Bed, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    front, engine = hosts(HostSetup(name="front"), HostSetup(name="node_01"))
    give_weights(tmp_path_factory.mktemp("weights"), front, engine)
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    (folder / "cloud").write_text(CLOUD, encoding="utf-8")
    (folder / "cloud").chmod(0o755)
    inventory = {
        "path": "cloud",
        "roles": {"entry": ["gateway"], "cpu": ["inference"]},
        "environment": {"CLOUD_TOKEN": "${env:MY_CLOUD_TOKEN}"},
    }
    with fleet_workshop(bed, folder, inventory=inventory, models=[model("tiny", replicas=2)]) as workshop:
        workshop.environment |= {"CLOUD_SECRET": SENTINEL, "MY_CLOUD_TOKEN": TOKEN}
        cloud = Cloud(front, engine, workshop)
        cloud.has(front, engine)
        yield cloud


def places(cloud: Cloud) -> dict[str, str]:
    found = cloud.workshop.run("plan", "--output", "json").json["backends"]
    return {backend["service"]: backend["host"] for backend in found}


def test_a_class_comes_up_on_what_the_program_tells(cloud: Cloud) -> None:
    done = cloud.workshop.provision()
    assert done["ok"]
    assert [host["name"] for host in done["hosts"]] == ["front", "engine"]
    assert places(cloud) == {"model-tiny-1": "front", "model-tiny-2": "engine"}
    assert "model-tiny-2" in cloud.engine.docker("ps", "--format", "{{.Names}}")
    assert cloud.workshop.ask(cloud.workshop.people()[0]["api_key"])
    status = cloud.workshop.run("status", "--output", "json").json
    assert (status["ok"], [host["name"] for host in status["hosts"]]) == (True, ["front", "engine"])
    assert cloud.workshop.provision()["changed"] == 0


def test_the_program_saw_what_it_was_given_and_nothing_else(cloud: Cloud) -> None:
    seen = (cloud.workshop.folder / "seen").read_text(encoding="utf-8")
    assert TOKEN in seen
    assert SENTINEL not in seen


def test_its_secret_is_in_no_message_when_it_refuses(cloud: Cloud) -> None:
    cloud.workshop.environment["MY_CLOUD_TOKEN"] = SENTINEL
    failed = cloud.workshop.run("plan", code=1)
    assert cloud.workshop.run("status", "--output", "json").json["ok"]  # the hosts it found the last time are kept
    cloud.workshop.environment["MY_CLOUD_TOKEN"] = TOKEN
    assert "no entry with [secret]" in failed.err
    assert SENTINEL not in failed.out + failed.err


def test_a_host_that_left_the_inventory_is_let_go(cloud: Cloud) -> None:
    cloud.has(cloud.front)
    done = cloud.workshop.provision()
    assert done["ok"]
    assert any("engine: left the workshop; nothing is left there" in change for change in done["changes"])
    assert places(cloud) == {"model-tiny-1": "front", "model-tiny-2": "front"}
    assert cloud.engine.docker("ps", "-aq") == ""
    assert cloud.workshop.ask(cloud.workshop.people()[0]["api_key"])


def test_teardown_needs_no_inventory(cloud: Cloud) -> None:
    cloud.has(cloud.front, cloud.engine)
    assert cloud.workshop.provision()["ok"]
    for name in ("cloud", "machines.json"):
        (cloud.workshop.folder / name).unlink()
    done = cloud.workshop.run("teardown", "--yes", "--output", "json").json
    assert (done["ok"], sorted(done["hosts"]), done["left"]) == (True, ["engine", "front"], [])
    for host in (cloud.front, cloud.engine):
        assert host.docker("ps", "-aq") == ""
        assert host.docker("volume", "ls", "-q") == ""


def test_no_secret_lies_in_the_workshops_folder(cloud: Cloud) -> None:
    files = (file for file in cloud.workshop.folder.rglob("*") if file.is_file())
    holding = {file.name for file in files if TOKEN.encode() in Path(file).read_bytes()}
    assert holding == {"seen", "token"}
