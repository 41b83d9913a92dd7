"""Nothing is touched on a machine where the name is somebody else's, or a port is taken."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import cast

import pytest

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.ownership import Owner, as_variables, owner_file, read_owner, require_ownership
from orchestrator.fleet.ports import require_free_ports


class PublishedPorts:
    """Stands in for an engine that tells which ports its containers publish."""

    name = "here"

    def __init__(self, **ports: str) -> None:
        self._ports = {int(port.removeprefix("p")): holder for port, holder in ports.items()}

    def published_ports(self) -> dict[int, str]:
        return self._ports


def check(port: int, **published: str) -> None:
    require_free_ports(cast("DockerHost", PublishedPorts(**published)), "mine", [(port, "gateway.port")])


@pytest.fixture
def taken() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owned_by(folder: Path, deployment: str) -> None:
    owner = Owner("w", deployment, "ada@laptop", "/home/ada/workshop.yaml")
    owner_file(folder).write_text(json.dumps(as_variables(owner)), encoding="utf-8")


def test_a_workshop_with_another_id_stops_and_names_who_deployed_it(tmp_path: Path) -> None:
    owned_by(tmp_path / "workshop-w", "theirs")
    with pytest.raises(UserError, match=r"ada@laptop deployed it from /home/ada/workshop\.yaml") as refusal:
        require_ownership("here", tmp_path / "workshop-w", "mine", ())
    assert refusal.value.code == "deployed_by_another"
    assert "--take-over" in str(refusal.value)


def test_ones_own_workshop_and_an_empty_place_are_fine(tmp_path: Path) -> None:
    require_ownership("here", tmp_path / "workshop-w", "mine", ())
    owned_by(tmp_path / "workshop-w", "mine")
    require_ownership("here", tmp_path / "workshop-w", "mine", ())


@pytest.mark.parametrize("content", ["", "[]", "{}", "no json", '{"workshop": 1, "unknown": 2}'])
def test_a_damaged_file_belongs_to_nobody(content: str, tmp_path: Path) -> None:
    owner_file(tmp_path / "workshop-w").write_text(content, encoding="utf-8")
    assert read_owner(tmp_path / "workshop-w") is None


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
