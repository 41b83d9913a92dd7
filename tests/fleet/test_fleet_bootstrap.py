"""A machine as it is rented, without Docker and even without Python: `bootstrap: true` makes it a host of a workshop.

Debian's packages are real, from wherever apt gets them here. Its GPU is a fake, and so is NVIDIA's container toolkit,
which comes from a real apt repository with a key of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fleet.bed.apt_repository import FAKES, AptRepository, open_repository
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import L4, HostSetup, SshHost

pytestmark = pytest.mark.full(
    "Docker is installed on bare machines, minutes; tests/unit/test_bootstrap_host has the script"
)

ROLES = ("gateway", "webui", "inference")


@pytest.fixture(scope="module")
def rented(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> SshHost:
    """A GPU with its driver, no Python."""
    (host,) = hosts(HostSetup(name="rented", kind="bare"))
    give_weights(tmp_path_factory.mktemp("weights"), host)
    return host


@pytest.fixture(scope="module")
def repository(hosts: Hosts) -> AptRepository:
    return open_repository(hosts(HostSetup(name="packages"))[0])


@pytest.fixture(scope="module")
def workshop(
    bed: Bed, rented: SshHost, repository: AptRepository, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FleetWorkshop]:
    hosts = [host_section(rented, bed, *ROLES, user="ubuntu")]
    with fleet_workshop(bed, tmp_path_factory.mktemp("bare"), hosts=hosts, models=[model("tiny")]) as workshop:
        workshop.patience = 570  # packages of a whole engine are downloaded and unpacked
        workshop.environment |= {
            "WORKSHOP_NVIDIA_REPOSITORY": repository.address,
            "WORKSHOP_NVIDIA_KEY": repository.fingerprint,
        }
        yield workshop


def problem(workshop: FleetWorkshop, **host: object) -> tuple[str, str]:
    """Code and text of the error with these fields of the host."""
    workshop.write(hosts=[workshop.spec["hosts"][0] | host])
    error = workshop.run("provision", "--output", "json", code=None).json["error"]
    return error["code"], f"{error['message']}. {error['hint']}"


def test_without_leave_nothing_is_installed(workshop: FleetWorkshop, rented: SshHost) -> None:
    code, text = problem(workshop)
    assert code == "docker_unreachable"
    assert "bootstrap: true" in text
    assert not rented.run("sh", "-c", "command -v docker || true")


def test_a_user_without_sudo_is_told_so(workshop: FleetWorkshop, rented: SshHost) -> None:
    code, _ = problem(workshop, user="plain", bootstrap=True)
    assert code == "bootstrap_needs_root"
    assert not rented.run("sh", "-c", "command -v docker || true")


def test_it_becomes_a_host_that_answers(workshop: FleetWorkshop, rented: SshHost) -> None:
    rented.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq 'python3*' >/dev/null 2>&1")
    rented.write("/etc/fake-gpus", f"{L4}\n")
    rented.write("/usr/bin/nvidia-smi", (FAKES / "nvidia-smi").read_text(encoding="utf-8"), mode="0755")
    workshop.write(hosts=[workshop.spec["hosts"][0] | {"user": "ubuntu", "bootstrap": True}])
    begun = datetime.now(UTC)
    done = workshop.provision()
    print(f"bootstrapped after {(bootstrapped(workshop) - begun).total_seconds():.0f} s, ", end="")
    print(f"answering after {(datetime.now(UTC) - begun).total_seconds():.0f} s")
    assert done["ok"]
    said = "\n".join(done["changes"])
    for what in (
        "python3 installed",
        "Docker 2",
        "NVIDIA container toolkit 1.17.8-1 installed",
        "ubuntu is in the group",
    ):
        assert f"rented: {what}" in said
    assert workshop.ask(workshop.people()[0]["api_key"])


def test_the_service_starts_at_each_boot_and_no_trace_of_the_work_is_left(rented: SshHost) -> None:
    assert rented.run("systemctl", "is-enabled", "docker").strip() == "enabled"
    assert not rented.run("sh", "-c", "ls -d /tmp/workshop-* 2>/dev/null || true")


def test_only_dockers_packages_come_from_the_newer_release(rented: SshHost) -> None:
    assert "Candidate: 2.3" in rented.run("apt-cache", "policy", "libc6")  # bookworm's 2.36
    assert "nvidia" in rented.read("/etc/apt/sources.list.d/workshop-nvidia.sources").lower()


def test_a_container_gets_its_gpu(rented: SshHost, bed: Bed, small_image: str) -> None:
    bed.load(small_image, rented)
    seen = rented.docker("run", "--rm", "--gpus", "device=0", "--entrypoint", "env", small_image)
    assert "NVIDIA_VISIBLE_DEVICES=0" in seen


def test_the_second_run_changes_nothing(workshop: FleetWorkshop) -> None:
    done = workshop.provision()
    assert (done["changed"], done["checks"]) == (0, [])


def test_somebody_elses_class_of_this_name_is_not_interrupted(
    workshop: FleetWorkshop, rented: SshHost, tmp_path: Path
) -> None:
    take_toolkit_away(rented)
    since = rented.run("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "docker")
    other = FleetWorkshop(workshop.bed, tmp_path, dict(workshop.spec), dict(workshop.environment))
    code, _ = problem(other)
    assert code == "deployed_by_another"
    assert rented.run("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "docker") == since


def test_a_foreign_container_keeps_docker_from_being_restarted(
    workshop: FleetWorkshop, rented: SshHost, small_image: str
) -> None:
    rented.docker("run", "--detach", "--name", "somebodys", "--entrypoint", "sleep", small_image, "600")
    code, text = problem(workshop)
    assert code == "bootstrap_failed"
    assert "somebodys" in text
    assert "nothing was changed" in text
    assert rented.docker("inspect", "--format", "{{.State.Running}}", "somebodys").strip() == "true"
    rented.docker("rm", "--force", "somebodys")


def test_a_repository_with_another_key_is_refused(workshop: FleetWorkshop, rented: SshHost) -> None:
    right = workshop.environment["WORKSHOP_NVIDIA_KEY"]
    workshop.environment["WORKSHOP_NVIDIA_KEY"] = "0" * 40
    code, text = problem(workshop)
    assert code == "bootstrap_failed"
    assert right in text
    assert not rented.run("sh", "-c", "ls /etc/apt/*/workshop-nvidia* 2>/dev/null || true")
    workshop.environment["WORKSHOP_NVIDIA_KEY"] = right


def test_what_is_missing_again_is_installed_again_and_the_class_goes_on(
    workshop: FleetWorkshop, rented: SshHost
) -> None:
    done = workshop.provision()
    assert [line for line in done["changes"] if "toolkit" in line]
    assert not [line for line in done["changes"] if "Docker 2" in line]
    assert workshop.ask(workshop.people()[0]["api_key"])


def bootstrapped(workshop: FleetWorkshop) -> datetime:
    """When the state was told of it."""
    state = sqlite3.connect(workshop.folder / ".workshop" / "fleet" / "state.sqlite3")
    ((at,),) = state.execute("SELECT at FROM events WHERE kind = 'bootstrap'").fetchall()
    state.close()
    return datetime.fromisoformat(at)


def take_toolkit_away(host: SshHost) -> None:
    """As docs/machine-changes.md undoes it."""
    host.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq nvidia-container-toolkit >/dev/null")
    host.run("rm", "-f", "/etc/apt/sources.list.d/workshop-nvidia.sources", "/etc/apt/keyrings/workshop-nvidia.asc")
    host.run("rm", "-f", "/etc/docker/daemon.json")
    host.run("systemctl", "restart", "docker")
