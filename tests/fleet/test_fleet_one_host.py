"""A whole workshop on one machine that is reached over SSH: provisioned, unchanged, changed live, torn down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section, model
from tests.fleet.bed.ssh_host import SshHost

ROLES = ("gateway", "webui", "inference")


@pytest.fixture(scope="module")
def workshop(bed: Bed, host: SshHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorkshop]:
    hosts = [host_section(host, bed, *ROLES, user="ubuntu", become=True)]
    with fleet_workshop(bed, tmp_path_factory.mktemp("one"), hosts=hosts, models=[model("tiny")]) as workshop:
        yield workshop


def test_it_comes_up_and_answers(workshop: FleetWorkshop, host: SshHost) -> None:
    plan = workshop.run("plan").out
    assert "create container model-tiny-1 on far" in plan
    done = workshop.provision()
    assert done["ok"]
    assert done["hosts"] == [{"name": "far", "ok": True, "problem": None}]
    assert host.docker("ps", "--format", '{{.Label "com.docker.compose.service"}}').split() != []
    assert workshop.ask(workshop.people()[0]["api_key"])


def test_the_second_run_changes_nothing(workshop: FleetWorkshop) -> None:
    done = workshop.provision()
    assert (done["changed"], done["checks"]) == (0, [])
    assert "Nothing would change." in workshop.run("plan").out


def test_a_revoked_key_is_refused_there(workshop: FleetWorkshop) -> None:
    key = workshop.people()[1]["api_key"]
    workshop.run("participants revoke", "p02")
    with pytest.raises(OSError, match="401"):
        workshop.ask(key)
    workshop.run("participants restore", "p02")
    assert workshop.ask(key)


def test_status_logs_usage_and_backends_look_there(workshop: FleetWorkshop) -> None:
    assert workshop.run("status", "--output", "json").json["ok"]
    assert "model-tiny-1" in workshop.run("logs", "model-tiny-1", "--output", "json").json["logs"]
    assert workshop.run("backends list", "--output", "json").json["backends"][0]["state"] == "up"
    assert workshop.run("usage", "--output", "json").json["collected"] > 0
    assert workshop.run("verify", "--output", "json").json["ok"]


def test_what_somebody_removed_by_hand_is_put_back(workshop: FleetWorkshop, host: SshHost) -> None:
    host.docker("rm", "-f", "workshop-fleet-model-tiny-1-1")
    assert "create container model-tiny-1 on far" in workshop.run("plan").out
    assert workshop.provision()["changes"] == ["far: container model-tiny-1: create"]


def test_somebody_elses_workshop_of_this_name_stops(workshop: FleetWorkshop, bed: Bed, tmp_path: Path) -> None:
    other = FleetWorkshop(bed, tmp_path, dict(workshop.spec))
    other.write()
    refused = other.run("provision", "--output", "json", code=1).json["error"]
    assert (refused["code"], refused["host"]) == ("deployed_by_another", "far")


def test_teardown_leaves_nothing(workshop: FleetWorkshop, host: SshHost) -> None:
    folder = "/root/.local/share/workshop/workshop-fleet"
    watching = host.run("sh", "-c", f"nohup tail -f /dev/null {folder}/nothing >/dev/null 2>&1 & echo $!").strip()
    missed = workshop.run("teardown", "--yes", "--keep-state", "--output", "json", code=3).json
    assert missed["left"] == [f"far: process {watching} tail"]
    host.run("kill", watching)
    done = workshop.run("teardown", "--yes", "--output", "json").json
    assert (done["ok"], done["left"], done["problems"]) == (True, [], [])
    nothing = dict.fromkeys(("containers", "networks", "volumes", "files", "ports", "processes"), 0)
    assert done["proof"] == [{"host": "far", **nothing}]
    assert host.docker("ps", "-aq") == ""
    assert host.docker("volume", "ls", "-q") == ""
    assert host.run(
        "sh", "-c", "ls -A /root/.local/share/workshop /home/ubuntu/.local/share/workshop 2>/dev/null || true"
    ).strip() in {"", "/root/.local/share/workshop:"}
    assert not (workshop.folder / ".workshop" / "fleet" / "secret").exists()
