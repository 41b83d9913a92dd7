"""The hosts of a workshop fit together: roles, machines, addresses that the gateway reaches."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import VALID, spec_of, told

FRONT = "{name: front, address: 10.0.0.1, roles: [gateway, webui]}"


def hosts(*those: str) -> str:
    return VALID + "hosts:\n" + "".join(f"  - {host}\n" for host in those)


def test_open_webui_runs_beside_the_gateway(tmp_path: Path) -> None:
    text = hosts(
        "{name: front, address: 10.0.0.1, roles: [gateway]}", "{name: b, address: 10.0.0.2, roles: [webui, inference]}"
    )
    assert told(tmp_path, text) == [
        "workshop.yaml:10:41: hosts[2].roles: webui must be on the gateway's host. Give front the role webui instead"
    ]
    assert spec_of(tmp_path, text + "webui: {mode: none}\n").workshop.hosts


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ("", "", "both are this one"),
        ("", "address: localhost, port: 2222, ", "both are this one"),
        ("address: gpu.lan, ", "address: GPU.lan, user: ada, ", "GPU.lan, port 22"),
        ("address: 10.0.0.2, jump: j, ", "address: 10.0.0.2, jump: j, ", "10.0.0.2, port 22"),
    ],
)
def test_one_machine_is_one_host(tmp_path: Path, first: str, second: str, place: str) -> None:
    two = (f"{{name: a, {first}roles: [gateway, webui]}}", f"{{name: b, {second}roles: [inference]}}")
    assert told(tmp_path, hosts(*two)) == [
        f"workshop.yaml:10:5: hosts[2]: a and b are the same machine: {place}. Give one of them the roles of both"
    ]


@pytest.mark.parametrize("other", ["address: 10.0.0.1, port: 2222", "address: 10.0.0.1, jump: elsewhere"])
def test_one_address_may_lead_to_two_machines(tmp_path: Path, other: str) -> None:
    assert len(spec_of(tmp_path, hosts(FRONT, f"{{name: b, {other}, roles: [inference]}}")).workshop.hosts) == 2


@pytest.mark.parametrize(
    ("host", "field", "address"),
    [
        ("name: b", "address", "localhost"),
        ("name: b, address: 127.0.0.2", "address", "127.0.0.2"),
        ("name: b, address: gpu.lan, private: LocalHost", "private", "LocalHost"),
    ],
)
def test_engines_elsewhere_need_an_address_that_the_gateway_reaches(
    tmp_path: Path, host: str, field: str, address: str
) -> None:
    (problem,) = told(tmp_path, hosts(FRONT, f"{{{host}, roles: [inference]}}"))
    assert f"hosts[2].{field}: front can't reach b at {address}: that is front itself" in problem
    assert problem.endswith("Say in private: at which address front reaches b")


def test_this_machine_may_serve_a_gateway_elsewhere(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, hosts(FRONT, "{name: b, private: 10.0.0.9, roles: [inference]}")).workshop
    assert workshop.hosts[1].edge_port == 7443


def test_a_port_in_an_address_is_told(tmp_path: Path) -> None:
    (problem,) = told(
        tmp_path, hosts(FRONT, "{name: b, address: gpu.lan, private: '10.0.0.2:7443', roles: [inference]}")
    )
    assert "10.0.0.2:7443 is no address. A port is given as port: or edge_port:" in problem


def test_only_other_machines_are_bootstrapped(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, hosts("{name: here, bootstrap: true}"))
    assert "hosts[1].bootstrap: for hosts over SSH only" in problem
    assert spec_of(tmp_path, hosts("{name: a, address: 10.0.0.1, bootstrap: true}")).workshop.hosts[0].bootstrap
