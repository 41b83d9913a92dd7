"""What bootstrap/host.sh does to a host of a workshop: looked at on made-up machines. tests/fleet has a real one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.settings import NVIDIA_REPOSITORY
from tests.unit.bootstrap_machine import (
    DEBIAN_12,
    DEBIAN_DOCKER,
    FEDORA,
    ROOT,
    UBUNTU_24,
    Machine,
    has_docker,
    made_up_machine,
)

SAMPLE_KEY = """-----BEGIN PGP PUBLIC KEY BLOCK-----

xjMEU/NfCxYJKwYBBAHaRw8BAQdAPwmJlL3ZFu1AUxl5NOSofIBzOhKA1i+AEJku
Q+47JAY=
-----END PGP PUBLIC KEY BLOCK-----
"""  # RFC 9580, A.1
SAMPLE_FINGERPRINT = "C959BDBAFA32A2F89A153B678CFDE12197965A9A"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One with systemd, as root."""
    made = made_up_machine(tmp_path)
    made.write("/run/systemd/system/.keep")
    return made


def function(machine: Machine, call: str) -> str:
    """What a function of toolkit.sh prints."""
    folder = machine.folder / "project" / "bootstrap"
    script = f". {folder}/engine.sh; . {folder}/toolkit.sh; {call}"
    done = subprocess.run(["bash", "-ec", script], env=machine.environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_bare_host_gets_docker_and_nothing_for_building_images(machine: Machine) -> None:
    done = machine.host("engine", "")
    packages = f"{DEBIAN_DOCKER} iptables ca-certificates"
    assert done.stdout == f"did: Docker 26.1.5 and Compose 2.26.1-4 installed ({packages})\n", done.stderr
    assert f"DPkg::Lock::Timeout=120 {packages}\n" in machine.calls()
    assert "systemctl enable --now docker" in machine.calls()


def test_the_second_time_nothing_is_done(machine: Machine) -> None:
    machine.host("engine", "")
    before = machine.calls().count("apt-get"), machine.calls().count("systemctl")
    done = machine.host("engine", "")
    assert (done.returncode, done.stdout) == (0, "")
    assert (machine.calls().count("apt-get"), machine.calls().count("systemctl")) == before


def test_a_source_that_apt_got_is_told(machine: Machine) -> None:
    machine.write("/etc/os-release", DEBIAN_12)
    told = machine.host("engine", "").stdout
    assert "did: apt has Debian trixie as a source" in told
    assert (machine.root / "etc/apt/preferences.d/workshop-docker").exists()


def test_a_failed_installation_takes_its_settings_back(machine: Machine) -> None:
    machine.write("/etc/os-release", DEBIAN_12)
    done = machine.host("engine", "", APT_FAILS="1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("apt-get install failed: E: held broken packages")
    assert not [path for path in machine.root.rglob("workshop*") if path.is_file()]


def test_a_stopped_engine_is_started(machine: Machine) -> None:
    has_docker(machine)
    assert machine.host("engine", "").stdout == "did: Docker 26.1.5 started\n"
    assert "apt-get" not in machine.calls()


def test_an_engine_of_another_source_without_compose_is_left_alone(machine: Machine) -> None:
    has_docker(machine, running=True)
    done = machine.host("engine", "", COMPOSE_VERSION="")
    assert done.returncode == 1
    assert "install the Compose plugin of the same source" in done.stderr
    assert "apt-get" not in machine.calls()


def test_ubuntus_engine_gets_ubuntus_compose(machine: Machine) -> None:
    machine.write("/etc/os-release", UBUNTU_24)
    has_docker(machine, running=True)
    machine.tool(
        "docker",
        '[ "$1 $2" != "compose version" ] || { [ -e "$MACHINE/compose" ] || exit 1; echo 2.40.3; }\n',
    )
    machine.tool("apt-get", 'case "$*" in *install*) PATH=$PATH:/bin touch "$MACHINE/compose" ;; esac')
    done = machine.host("engine", "", INSTALLED="docker.io docker-buildx")
    assert done.stdout == "did: Compose 2.40.3 installed (docker-compose-v2)\n", done.stderr
    assert "Timeout=120 docker-compose-v2\n" in machine.calls()


def test_an_unknown_system_is_told_in_one_line(machine: Machine) -> None:
    machine.write("/etc/os-release", FEDORA)
    done = machine.host("engine", "")
    assert done.returncode == 1
    assert (
        done.stderr
        == "Fedora Linux 42 is not known here: install Docker Engine and its Compose plugin there yourself\n"
    )


def test_whoever_came_by_sudo_is_let_in_once(machine: Machine) -> None:
    has_docker(machine, running=True)
    machine.tool("usermod")
    done = machine.host("engine", "admit", SUDO_USER="ada")
    assert done.stdout == "did: ada is in the group docker, whose members can become root\n"
    assert "usermod -aG docker ada" in machine.calls()
    assert machine.host("engine", "admit", SUDO_USER="ada", LISTED="docker").stdout == ""


def test_without_gpus_no_toolkit_is_installed(machine: Machine) -> None:
    has_docker(machine, running=True)
    done = machine.host("toolkit", NVIDIA_REPOSITORY, "0" * 40, "class")
    assert (done.returncode, done.stdout) == (0, "")
    machine.tool("nvidia-smi", "exit 9")  # there, and no driver answers
    assert machine.host("toolkit", NVIDIA_REPOSITORY, "0" * 40, "class").stdout == ""
    assert "apt-get" not in machine.calls()


def test_an_engine_that_nobody_can_restart_gets_no_toolkit(machine: Machine) -> None:
    has_docker(machine, running=True)
    machine.tool("nvidia-smi")
    (machine.root / "run/systemd/system/.keep").unlink()
    (machine.root / "run/systemd/system").rmdir()
    done = machine.host("toolkit", NVIDIA_REPOSITORY, "0" * 40, "class")
    assert done.returncode == 1
    assert "nothing here starts services" in done.stderr
    assert "apt-get" not in machine.calls()


def test_nvidias_repository_is_signed_by_its_own_key_only(machine: Machine) -> None:
    machine.tool("dpkg", "echo arm64")
    assert function(machine, f"describe_repository {NVIDIA_REPOSITORY}") == (
        "# NVIDIA's container toolkit\n"
        "Types: deb\n"
        f"URIs: {NVIDIA_REPOSITORY}/stable/deb/arm64\n"
        "Suites: /\n"
        "Signed-By: /etc/apt/keyrings/workshop-nvidia.asc\n"
    )


@pytest.mark.parametrize("ending", ["", "=AAAA\n"])
def test_the_fingerprint_of_a_key_is_that_of_the_standard(machine: Machine, ending: str) -> None:
    key = machine.folder / "key.asc"
    key.write_text(SAMPLE_KEY.replace("-----END", f"{ending}-----END"))
    assert function(machine, f"fingerprints {key}") == f"{SAMPLE_FINGERPRINT}\n"
    key.write_text(SAMPLE_KEY * 2)
    assert function(machine, f"fingerprints {key}") == f"{SAMPLE_FINGERPRINT} {SAMPLE_FINGERPRINT}\n"


def test_what_is_no_key_has_no_fingerprint(machine: Machine) -> None:
    key = machine.folder / "key.asc"
    key.write_text("<html>404</html>")
    assert function(machine, f"fingerprints {key} 2>&1 || true") == "not OpenPGP\n"


def test_the_scripts_run_in_the_order_in_which_they_are_packaged() -> None:
    assert (ROOT / "bootstrap" / "host.sh").read_text().rstrip().endswith('main "$@" </dev/null; fi')
