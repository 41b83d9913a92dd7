"""What `make provision` does to a machine before Python takes over: looked at on made-up machines.

The distributions' real apt is tried in tests/stack and, for hosts over SSH, in tests/fleet; Ubuntu's choice of packages
is tested here only.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.bootstrap_machine import (
    DEBIAN_12,
    DEBIAN_13,
    DEBIAN_DOCKER,
    FEDORA,
    ROOT,
    UBUNTU_24,
    Machine,
    has_docker,
    made_up_machine,
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return made_up_machine(tmp_path)


@pytest.mark.parametrize(
    ("release", "packages"),
    [
        (DEBIAN_12, DEBIAN_DOCKER + " from Debian trixie"),
        (DEBIAN_13, DEBIAN_DOCKER + " and "),
        (UBUNTU_24, "docker.io docker-compose-v2 docker-buildx and "),
    ],
)
def test_it_says_what_it_will_install(machine: Machine, release: str, packages: str) -> None:
    machine.write("/etc/os-release", release)
    done = machine.prepare("--dry-run")
    assert done.returncode == 0
    assert f"will install {packages}" in done.stderr
    assert "apt-get" not in machine.calls()


@pytest.mark.parametrize("release", [FEDORA, "", 'ID=debian\nVERSION_ID="11"\n', 'ID=ubuntu\nVERSION_ID="22.04"\n'])
def test_an_unknown_system_without_docker_gets_one_line(machine: Machine, release: str) -> None:
    machine.write("/etc/os-release", release)
    done = machine.prepare("true")
    assert done.returncode == 1
    assert "install Docker Engine and the Compose plugin" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bare_machine_gets_docker_and_then_the_command(machine: Machine) -> None:
    machine.write("/run/systemd/system/.keep")
    done = machine.prepare("sh", "-c", "echo arrived")
    assert (done.returncode, done.stdout) == (0, "arrived\n"), done.stderr
    assert (
        f"install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 {DEBIAN_DOCKER} iptables" in machine.calls()
    )
    assert "systemctl enable --now docker" in machine.calls()
    assert (machine.root / "var/lib/workshop-orchestrator/engine-installed").exists()
    assert not (machine.root / "etc/apt").exists()


def test_debian_12_takes_four_packages_and_nothing_else_from_trixie(machine: Machine) -> None:
    machine.write("/etc/os-release", DEBIAN_12)
    machine.write("/run/systemd/system/.keep")
    assert machine.prepare("true").returncode == 0
    source = (machine.root / "etc/apt/sources.list.d/workshop-docker.sources").read_text()
    assert "URIs: http://mirror.example\nSuites: trixie trixie-updates\n" in source
    assert "URIs: http://security.example\nSuites: trixie-security\n" in source
    pin = (machine.root / "etc/apt/preferences.d/workshop-docker").read_text()
    assert pin.startswith("Package: *\nPin: release n=trixie*\nPin-Priority: 100\n")
    assert pin.endswith(f"Package: {DEBIAN_DOCKER}\nPin: release n=trixie*\nPin-Priority: 700\n")


@pytest.mark.parametrize("trouble", [{"APT_FAILS": "1"}, {"CANDIDATE": "(none)"}])
def test_a_failed_installation_takes_its_settings_back(machine: Machine, trouble: dict[str, str]) -> None:
    machine.write("/etc/os-release", DEBIAN_12)
    done = machine.prepare("sh", "-c", "echo arrived", **trouble)
    assert done.returncode == 1
    assert "arrived" not in done.stdout
    assert not [path for path in machine.root.rglob("workshop*") if path.is_file()]
    assert not list(machine.root.rglob("engine-installed"))


def test_without_a_service_manager_dockerd_itself_is_started(machine: Machine) -> None:
    done = machine.prepare("true")
    assert done.returncode == 0, done.stderr
    assert "starting dockerd itself" in done.stderr
    assert "dockerd " in machine.calls()


def test_an_engine_that_answers_is_left_alone(machine: Machine) -> None:
    has_docker(machine, running=True)
    done = machine.prepare("sh", "-c", "echo arrived")
    assert done.stdout == "arrived\n"
    assert "apt-get" not in machine.calls()
    assert "systemctl" not in machine.calls()


def test_a_docker_client_alone_is_no_engine(machine: Machine) -> None:
    has_docker(machine, engine=False)
    assert "will install docker.io" in machine.prepare("--dry-run").stderr


@pytest.mark.parametrize(
    "path",
    [
        "/usr/sbin/dockerd",
        "/lib/systemd/system/docker.service",
        "/etc/systemd/system/docker.socket",
        "/etc/init.d/docker",
        "/var/run/docker.sock",
    ],
)
def test_any_trace_of_an_engine_means_hands_off(machine: Machine, path: str) -> None:
    has_docker(machine, engine=False)
    machine.write(path)
    (machine.root / path.lstrip("/")).chmod(0o755)
    done = machine.prepare("true")
    assert done.returncode == 1
    assert "no engine answers" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "apt-get" not in machine.calls()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"DOCKER_HOST": "tcp://10.0.0.1:2376"}, "DOCKER_HOST"),
        ({"CONTEXTS": "lab"}, "the Docker context lab"),
        ({"DOCKER_SAYS": "podman version 5.4"}, "podman"),
    ],
)
def test_an_engine_elsewhere_means_hands_off(machine: Machine, environment: dict[str, str], named: str) -> None:
    has_docker(machine, engine=False)
    done = machine.prepare("true", **environment)
    assert done.returncode == 1
    assert f"found {named}" in done.stderr
    assert "apt-get" not in machine.calls()


def test_podman_docker_means_hands_off(machine: Machine) -> None:
    machine.tool("podman")
    done = machine.prepare("true", INSTALLED="podman-docker")
    assert done.returncode == 1
    assert "podman-docker" in done.stderr


@pytest.mark.parametrize(
    ("version", "enough"),
    [("2.20.0", True), ("v2.40.3", True), ("5.0.1", True), ("v5.0.1-desktop.1", True), ("2.19.1", False), ("", False)],
)
def test_compose_must_be_new_enough(machine: Machine, version: str, enough: bool) -> None:
    has_docker(machine, running=True)
    done = machine.prepare("true", COMPOSE_VERSION=version)
    assert (done.returncode == 0) == enough
    assert ("older than 2.20" in done.stderr) != enough


def test_a_user_who_may_not_use_docker_is_told_so(machine: Machine) -> None:
    has_docker(machine)
    (machine.folder / "engine-says").write_text("permission denied while trying to connect")
    done = machine.prepare("true", FAKE_UID="1000")
    assert done.returncode == 1
    assert "usermod -aG docker ada" in done.stderr


def test_a_new_member_of_the_group_need_not_sign_in_again(machine: Machine) -> None:
    has_docker(machine)
    machine.tool("sg", 'IN_GROUP=1 exec bash -c "$3"')
    done = machine.prepare("sh", "-c", "echo arrived in ${IN_GROUP-no} group", FAKE_UID="1000", LISTED="docker")
    assert done.stdout == "arrived in 1 group\n", done.stderr


def test_a_stopped_engine_of_ones_own_is_started_again_where_nothing_else_does(machine: Machine) -> None:
    has_docker(machine)
    machine.write("/var/lib/workshop-orchestrator/engine-installed")
    machine.write("/var/run/docker.pid", "1")
    done = machine.prepare("true")
    assert done.returncode == 0, done.stderr
    assert "dockerd " in machine.calls()
    assert not (machine.root / "var/run/docker.pid").exists(), "pid 1 is no dockerd"


def test_a_stopped_engine_under_a_service_manager_is_its_owners_business(machine: Machine) -> None:
    has_docker(machine)
    machine.write("/var/lib/workshop-orchestrator/engine-installed")
    machine.write("/run/systemd/system/.keep")
    done = machine.prepare("true")
    assert done.returncode == 1
    assert "sudo systemctl start docker" in done.stderr
    assert "systemctl" not in machine.calls()


def test_without_root_and_sudo_nothing_begins(machine: Machine) -> None:
    done = machine.prepare("true", FAKE_UID="1000")
    assert done.returncode == 1
    assert "needs root" in done.stderr
    assert "apt-get" not in machine.calls()


def test_locked_versions_are_installed_by_hash_and_only_once(machine: Machine) -> None:
    has_docker(machine, running=True)
    assert machine.prepare("true").returncode == 0
    assert "--require-hashes --no-deps -r bootstrap/requirements.lock" in machine.calls()
    first = machine.calls().count("venv-python")
    assert machine.prepare("true").returncode == 0
    assert machine.calls().count("venv-python") == first


def test_a_changed_lock_is_installed_again(machine: Machine) -> None:
    has_docker(machine, running=True)
    machine.prepare("true")
    first = machine.calls().count("--require-hashes")
    with (machine.folder / "project/bootstrap/requirements.lock").open("a") as lock:
        lock.write("# newer\n")
    machine.prepare("true")
    assert machine.calls().count("--require-hashes") == first + 1


def test_an_old_python_is_refused_in_one_line(machine: Machine) -> None:
    (machine.folder / "bin/python3").unlink()
    machine.tool("python3", "exit 1")
    has_docker(machine, running=True)
    done = machine.prepare("true")
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr


def test_no_temporary_file_stays(machine: Machine) -> None:
    has_docker(machine, running=True)
    before = set(machine.folder.iterdir())
    machine.prepare("true")
    assert set(machine.folder.iterdir()) - before <= {machine.folder / "calls"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_locks_of_the_program_hold_hashes_and_no_address(name: str) -> None:
    lock = (ROOT / "bootstrap" / name).read_text()
    packages = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert "://" not in lock


def test_locks_are_in_step_with_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-test.lock": [*project["project"]["dependencies"], *project["dependency-groups"]["test"]],
    }
    for name, requirements in wanted.items():
        lock = (ROOT / "bootstrap" / name).read_text()
        locked = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
        for requirement in map(Requirement, requirements):
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), f"{name}: make lock"
