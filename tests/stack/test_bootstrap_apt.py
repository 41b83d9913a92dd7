"""The bootstrap's installation against a distribution's real apt, in a throw-away container."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import docker
import pytest

from orchestrator.fleet.images.build import make_base

pytestmark = pytest.mark.full("a distribution's whole apt; tests/unit/test_bootstrap has what is chosen")

BOOTSTRAP = Path(__file__).parents[2] / "bootstrap"
INSTALL = """
set -euo pipefail
root= log=/tmp/log undo=() making=
say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { "$@"; }
trap 'rm -f "${undo[@]}"' EXIT
. /bootstrap/engine.sh
libc=$(dpkg-query -W -f '${Version}' libc6)
choose_packages
wanted=("${packages[@]}" EXTRA)
install_packages
docker --version
echo "compose $(docker compose version --short)"
docker buildx version
[ "$libc" = "$(dpkg-query -W -f '${Version}' libc6)" ] && echo "libc stays"
"""


@pytest.fixture(scope="module")
def debian_12(tmp_path_factory: pytest.TempPathFactory) -> str:
    client: Any = docker.from_env()
    made = "workshop-base:bookworm"
    try:
        for reference in (made, "debian:bookworm-slim"):
            try:
                client.images.get(reference)
            except docker.errors.ImageNotFound:
                continue
            return reference
    finally:
        client.close()
    make_base("bookworm", made, tmp_path_factory.mktemp("base") / "log")
    return made


def test_debian_12_gets_a_new_docker_and_keeps_all_else(debian_12: str) -> None:
    done = run(debian_12, INSTALL.replace("EXTRA", "iptables"))
    assert done.returncode == 0, done.stderr
    assert "Docker version 26" in done.stdout
    assert "compose 2." in done.stdout
    assert "libc stays" in done.stdout


def test_a_package_that_is_not_there_leaves_apt_as_it_was(debian_12: str) -> None:
    script = f"(\n{INSTALL.replace('EXTRA', 'no-such-package')}\n)\nls /etc/apt/sources.list.d /etc/apt/preferences.d /var/lib"
    done = run(debian_12, script)
    assert "apt knows no package no-such-package; nothing was installed" in done.stderr
    assert done.returncode == 0
    assert "workshop" not in done.stdout.replace("workshop-orchestrator", ""), "the marker's empty folder may stay"


def run(image: str, script: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "run", "--rm", "--label", "workshop.test=bootstrap", "-v", f"{BOOTSTRAP}:/bootstrap:ro", image]
    return subprocess.run([*command, "bash", "-c", script], capture_output=True, text=True, check=False, timeout=300)
