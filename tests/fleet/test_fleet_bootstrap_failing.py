"""A host that can't be given what it lacks costs that host, and the class goes on without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed
from tests.fleet.bed.fleet_workshop import fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import L4, HostSetup

pytestmark = pytest.mark.full("as test_fleet_bootstrap")


def test_an_engine_that_nobody_can_restart_costs_its_host(bed: Bed, tmp_path: Path) -> None:
    with bed.hosts(HostSetup(name="front"), HostSetup(name="gpu-1", gpus=[L4], toolkit=False)) as (front, gpu):
        give_weights(tmp_path, front, gpu)
        hosts = [
            host_section(front, bed, "gateway", "webui", "inference"),
            host_section(gpu, bed, "inference", bootstrap=True),
        ]
        with fleet_workshop(bed, tmp_path, hosts=hosts, models=[model("tiny", replicas=2)]) as workshop:
            done = workshop.provision(code=3)
            said = {host["name"]: host["problem"] for host in done["hosts"]}
            assert said["front"] is None
            assert "nothing here starts services" in said["gpu-1"]
            assert workshop.ask(workshop.people()[0]["api_key"])
        assert "toolkit" not in gpu.run("dpkg-query", "-W", "-f", "${Package}\n")
