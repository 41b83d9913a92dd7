"""Nothing is touched on a machine where the name is somebody else's, a port is taken, or Docker is not fit."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from orchestrator.errors import UserError
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.machine import Look, Machine
from orchestrator.fleet.ownership import Owner, as_variables, owner_file, require_ownership
from orchestrator.fleet.requirements import require_compose, require_docker, require_free_ports, require_free_subnets
from orchestrator.fleet.scripts import look
from orchestrator.state.deployed import DeployedHost

FIT = Look(owner=None, busy=frozenset(), docker="28.0.1", docker_said="", compose="2.35.0")


class PublishedPorts:
    """Stands in for an engine that tells which ports its containers publish."""

    name = "here"

    def __init__(self, **ports: str) -> None:
        self._ports = {int(port.removeprefix("p")): holder for port, holder in ports.items()}

    def published_ports(self) -> dict[int, str]:
        return self._ports


def here(folder: Path) -> Machine:
    host = DeployedHost(name="here", project="workshop-w", folder=PurePosixPath(folder))
    return Machine(host, LocalChannel("here"))


def check(port: int, **published: str) -> None:
    found = here(Path("/nowhere")).look([port])
    docker = cast("DockerHost", PublishedPorts(**published))
    require_free_ports(docker, "mine", found, [(port, "gateway.port")])


@pytest.fixture
def taken() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owned_by(folder: Path, deployment: str) -> None:
    owner = Owner("w", deployment, "ada@laptop", "/home/ada/workshop.yaml")
    Path(owner_file(PurePosixPath(folder))).write_text(json.dumps(as_variables(owner)), encoding="utf-8")


def test_a_workshop_with_another_id_stops_and_names_who_deployed_it(tmp_path: Path) -> None:
    owned_by(tmp_path / "workshop-w", "theirs")
    with pytest.raises(UserError, match=r"ada@laptop deployed it from /home/ada/workshop\.yaml") as refusal:
        require_ownership("here", here(tmp_path / "workshop-w").owner(), "mine", ())
    assert refusal.value.code == "deployed_by_another"
    assert "--take-over" in str(refusal.value)


def test_ones_own_workshop_and_an_empty_place_are_fine(tmp_path: Path) -> None:
    require_ownership("here", here(tmp_path / "workshop-w").owner(), "mine", ())
    owned_by(tmp_path / "workshop-w", "mine")
    require_ownership("here", here(tmp_path / "workshop-w").owner(), "mine", ())


@pytest.mark.parametrize("content", ["", "[]", "{}", "no json", '{"workshop": 1, "unknown": 2}'])
def test_a_damaged_file_belongs_to_nobody(content: str, tmp_path: Path) -> None:
    Path(owner_file(PurePosixPath(tmp_path / "workshop-w"))).write_text(content, encoding="utf-8")
    assert here(tmp_path / "workshop-w").owner() is None


def test_a_port_that_a_program_holds_is_named_with_the_next_step() -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))  # noqa: S104 - taken as Docker would take it
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is in use") as refusal:
            check(port)
    assert "gateway.port" in (refusal.value.hint or "")


def test_a_port_that_another_container_holds_names_it(taken: int) -> None:
    with pytest.raises(UserError, match="in use by container other-web-1"):
        check(taken, **{f"p{taken}": "container other-web-1"})


def test_ones_own_port_and_a_free_one_are_fine(taken: int) -> None:
    check(taken, **{f"p{taken}": "mine"})
    check(taken)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("the docker command is not installed", "gpu-1: Docker is not installed"),
        ("permission denied while trying to connect to the Docker daemon socket", "gpu-1: you may not talk to Docker"),
        ("Cannot connect to the Docker daemon", "gpu-1: Docker does not answer"),
    ],
)
def test_an_engine_that_does_not_answer_says_why_with_the_remedy(said: str, message: str) -> None:
    with pytest.raises(UserError) as refusal:
        require_docker("gpu-1", replace(FIT, docker=None, docker_said=said))
    assert str(refusal.value).startswith(message)
    assert refusal.value.hint


@pytest.mark.parametrize("version", [None, "1.29.2", "2.19.9", "unknown"])
def test_compose_must_be_there_and_new_enough(version: str | None) -> None:
    with pytest.raises(UserError) as refusal:
        require_compose("gpu-1", replace(FIT, compose=version))
    assert refusal.value.code == "compose_missing"


@pytest.mark.parametrize("version", ["2.20.0", "v2.26.1", "2.26.1-4", "5.0.0", "5.0.1", "v5.0.1-desktop.1"])
def test_a_compose_that_is_new_enough_is_fine(version: str) -> None:
    require_compose("gpu-1", replace(FIT, compose=version))


def test_addresses_that_somebody_has_are_told_with_the_setting_that_chooses_others() -> None:
    taken = {"10.9.0.0/16": "Docker's network other_front", "192.168.1.0/24": "a network of the host"}
    require_free_subnets("here", ["10.8.0.0/29", "10.10.0.0/29"], taken)
    with pytest.raises(UserError) as caught:
        require_free_subnets("here", ["10.8.0.0/29", "10.9.255.8/29"], taken)
    assert caught.value.code == "subnet_in_use"
    assert "Docker's network other_front (10.9.0.0/16)" in str(caught.value)
    assert "webui.subnets" in (caught.value.hint or "")


def test_the_hosts_own_networks_are_found_and_none_of_dockers() -> None:
    """As the kernel's table of routes tells them, of this machine."""
    found = LocalChannel("here").call(look.routes, {})
    table = Path("/proc/net/route").read_text(encoding="utf-8").splitlines()[1:]
    own = [line.split() for line in table if not line.startswith(("br-", "docker"))]
    assert len(found) == sum(fields[7] != "00000000" for fields in own)
    assert all(ip_network(network).prefixlen > 0 for network in found)
