"""Preflight on real hosts: each trouble is found before anything is deployed, with its remedy, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section
from tests.fleet.bed.ssh_host import H100, L4, HostSetup, SshHost

pytestmark = pytest.mark.full("seven hosts in trouble; tests/unit/test_preflight_findings has what is found")

VLLM = {
    "name": "m",
    "engine": "vllm",
    "source": "/srv/weights",
    "size": {"weights_gib": 14, "kv_kib_per_token": 128},
    "context": 4096,
}


@pytest.fixture(scope="module")
def machines(hosts: Hosts) -> dict[str, SshHost]:
    started = hosts(
        HostSetup(name="front"),
        HostSetup(name="gpu", gpus=[H100, L4]),
        HostSetup(name="driver-only", gpus=[L4], toolkit=False),
        HostSetup(name="small", disks={"/var/lib/docker": "64m"}),
        HostSetup(name="bare", kind="bare"),
    )
    return {host.name: host for host in started}


@pytest.fixture(scope="module")
def workshop(
    bed: Bed, machines: dict[str, SshHost], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FleetWorkshop]:
    front = host_section(machines["front"], bed, "gateway")
    with fleet_workshop(
        bed, tmp_path_factory.mktemp("pre"), hosts=[front, inference(machines, bed, "gpu")], models=[VLLM]
    ) as made:
        yield made


def inference(machines: dict[str, SshHost], bed: Bed, name: str, **more: Any) -> dict[str, Any]:
    return host_section(machines[name], bed, "inference", **more)


def look(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost], *others: dict[str, Any], code: int
) -> dict[str, Any]:
    """The document for a class on `front` and these hosts."""
    workshop.write(hosts=[host_section(machines["front"], bed, "gateway"), *others])
    found: dict[str, Any] = workshop.run("preflight", "--output", "json", code=code).json
    return found


def told(document: dict[str, Any], host: str | None, check: str) -> dict[str, Any]:
    """The worst of it."""
    levels = ("problem", "unknown", "warn", "ok")
    findings = [f for f in document["findings"] if (f["host"], f["check"]) == (host, check)]
    assert findings, (host, check, document["findings"])
    return min(findings, key=lambda f: levels.index(f["level"]))


def test_gpus_that_nobody_declared_are_found_and_planned_with(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]
) -> None:
    workshop.write(hosts=[host_section(machines["front"], bed, "gateway"), inference(machines, bed, "gpu")])
    assert "does not fit" in workshop.run("plan", code=1).err
    seen = look(workshop, bed, machines, inference(machines, bed, "gpu"), code=0)
    assert [host["gpus"] for host in seen["hosts"]] == [
        {"count": 0, "memory_gib": None, "kind": None},
        {"count": 2, "memory_gib": [79.6, 22.4], "kind": None},
    ]
    for check in ("docker", "compose", "gpus", "runtime", "clock", "memory", "ports"):
        assert told(seen, "gpu", check)["level"] == "ok", check
    assert told(seen, "front", "peers")["level"] == "ok"  # nobody listens there yet: it said so
    backend = workshop.run("plan", "--output", "json").json["backends"][0]
    assert (backend["host"], backend["gpus"]) == ("gpu", [1])  # the smallest that will do


def test_it_leaves_nothing_on_hosts(workshop: FleetWorkshop, machines: dict[str, SshHost]) -> None:
    for host in ("front", "gpu"):
        assert machines[host].docker("ps", "-aq") == ""
        assert machines[host].run("sh", "-c", "ls -A /root/.local 2>/dev/null || true").strip() == ""


def test_provision_looks_for_gpus_itself(bed: Bed, machines: dict[str, SshHost], tmp_path: Path) -> None:
    hosts = [host_section(machines["front"], bed, "gateway"), inference(machines, bed, "gpu")]
    with fleet_workshop(bed, tmp_path, name="itself", hosts=hosts, models=[VLLM]) as fresh:
        refused = fresh.run("provision", "--output", "json", code=1).json["error"]
        assert refused["code"] == "image_missing"  # it has found room: vLLM's image can't be had here
        assert fresh.run("plan", "--output", "json").json["backends"][0]["gpus"] == [1]


def test_provision_says_first_what_preflight_would(bed: Bed, machines: dict[str, SshHost], tmp_path: Path) -> None:
    nowhere = {**VLLM, "source": "nobody/unheard-of", "environment": {"HF_ENDPOINT": "https://hub.invalid"}}
    hosts = [host_section(machines["front"], bed, "gateway"), inference(machines, bed, "gpu")]
    with fleet_workshop(bed, tmp_path, name="first", hosts=hosts, models=[nowhere]) as fresh:
        told = fresh.run("provision", code=1).err
        assert "gpu: hub: hub.invalid is not reached: no name. " in told
        assert told.index("hub.invalid") < told.index("Images")
        assert "front: " not in told.split("Images")[0]


def test_a_host_without_docker_and_one_without_the_toolkit(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]
) -> None:
    bare, driver = inference(machines, bed, "bare"), inference(machines, bed, "driver-only", gpus={"count": 1})
    seen = look(workshop, bed, machines, bare, driver, code=1)
    docker = told(seen, "bare", "docker")
    assert (docker["level"], docker["what"]) == ("problem", "Docker is not installed")
    assert "bootstrap: true" in docker["remedy"]
    runtime = told(seen, "driver-only", "runtime")
    assert (runtime["level"], runtime["what"]) == ("problem", "containers get no GPU")
    assert "nvidia-ctk runtime configure" in runtime["remedy"]
    seen = look(workshop, bed, machines, bare | {"bootstrap": True}, inference(machines, bed, "gpu"), code=0)
    assert told(seen, "bare", "docker")["remedy"] == "provision installs it (bootstrap: true)"


def test_who_may_not_talk_to_docker_or_has_no_sudo(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]
) -> None:
    plain = inference(machines, bed, "gpu", user="plain")
    assert "group docker" in told(look(workshop, bed, machines, plain, code=1), "gpu", "docker")["remedy"]
    seen = look(workshop, bed, machines, plain | {"become": True}, code=3)
    assert told(seen, "gpu", "sudo")["what"] == "sudo asks plain for a password"
    seen = look(workshop, bed, machines, plain | {"user": "ubuntu", "become": True}, code=0)
    assert told(seen, "gpu", "sudo")["level"] == "ok"


def test_a_full_disk_a_busy_port_and_gpus_that_are_not_as_declared(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]
) -> None:
    small = inference(machines, bed, "small", gpus={"count": 1, "memory_gib": 80}, edge_port=22)
    gpu = inference(machines, bed, "gpu", gpus={"count": 3, "memory_gib": 80})
    seen = look(workshop, bed, machines, gpu, small, code=1)
    assert "/var/lib/docker" in told(seen, "small", "disk")["what"]
    assert told(seen, "small", "gpus")["what"] == "no NVIDIA driver"
    assert told(seen, "gpu", "gpus")["what"] == "hosts[].gpus declares 3, and there are 2"
    alone = look(workshop, bed, machines, inference(machines, bed, "gpu", edge_port=22), code=1)
    assert told(alone, "gpu", "ports")["what"] == "port 22 is in use"
    assert "edge_port" in told(alone, "gpu", "ports")["remedy"]


def test_a_hub_that_is_out_of_reach(workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]) -> None:
    nowhere = {**VLLM, "source": "nobody/unheard-of", "environment": {"HF_ENDPOINT": "https://hub.invalid"}}
    workshop.write(models=[nowhere])
    try:
        seen = look(workshop, bed, machines, inference(machines, bed, "gpu"), code=1)
    finally:
        workshop.write(models=[VLLM])
    assert told(seen, "gpu", "hub")["what"] == "hub.invalid is not reached: no name"


def test_hosts_that_do_not_reach_each_other(workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]) -> None:
    machines["gpu"].partition(machines["front"])
    try:
        seen = look(workshop, bed, machines, inference(machines, bed, "gpu"), code=1)
    finally:
        machines["gpu"].heal()
    peers = told(seen, "front", "peers")
    assert (peers["level"], "timeout" in peers["what"]) == ("problem", True)
    assert "TCP port 7443 from front to gpu" in peers["remedy"]


def test_one_that_is_off_costs_only_its_own_row(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost]
) -> None:
    off = inference(machines, bed, "small", port=1) | {"name": "off"}
    seen = look(workshop, bed, machines, inference(machines, bed, "gpu"), off, code=3)
    assert [host["name"] for host in seen["hosts"] if not host["reached"]] == ["off"]
    assert "Connection refused" in told(seen, "off", "ssh")["what"]
    assert told(seen, "gpu", "docker")["level"] == "ok"
    text = workshop.run("preflight", code=3).out
    assert text.splitlines()[0].split()[:3] == ["host", "ssh", "system"]
    assert "To fix:" in text


def test_a_wrong_key_of_the_host_is_told_with_the_next_step(
    workshop: FleetWorkshop, bed: Bed, machines: dict[str, SshHost], tmp_path: Path
) -> None:
    other = machines["front"].fingerprint
    seen = look(workshop, bed, machines, inference(machines, bed, "gpu", host_key=other), code=3)
    assert "ssh-keyscan" in told(seen, "gpu", "ssh")["remedy"]
