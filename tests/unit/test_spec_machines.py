"""The hosts of a workshop fit together: roles, machines, addresses that the gateway reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.spec_samples import VALID, spec_of, told

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


@pytest.mark.parametrize(
    ("host", "field"),
    [
        ("{name: b, address: gpu.lan, private: '10.0.0.2:7443', roles: [inference]}", "hosts[2].private"),
        ("{name: b, address: '10.0.0.2:7443', private: gpu.lan, roles: [inference]}", "hosts[2].address"),
        ("{name: b, address: '10.0.0.2:7443', roles: [inference]}", "hosts[2].address"),
    ],
)
def test_a_port_in_an_address_is_told(tmp_path: Path, host: str, field: str) -> None:
    (problem,) = told(tmp_path, hosts(FRONT, host))
    assert f"{field}: 10.0.0.2:7443 is no address. A port is given as port: or edge_port:" in problem
    (problem,) = told(tmp_path, hosts("{name: a, address: '10.0.0.2:7443'}"))
    assert "hosts[1].address: 10.0.0.2:7443 is no address" in problem


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2", "gpu.lan"])
def test_an_address_is_a_name_or_a_number(tmp_path: Path, address: str) -> None:
    assert spec_of(tmp_path, hosts(f"{{name: a, address: '{address}'}}")).workshop.hosts


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("address", "-oProxyCommand=id", "expected plain letters, digits, dots and hyphens"),
        ("address", "a\\nb", "expected plain letters, digits, dots and hyphens"),
        ("user", "-l root", "expected plain letters, digits, dots and hyphens"),
        ("jump", "-oProxyCommand=id", "expected USER@ADDRESS:PORT, or ADDRESS alone"),
        ("host_key", "MD5:aa:bb", "expected SHA256: and 43 characters, as ssh-keygen -lf prints it"),
        ("key", "a\\nb", "control characters and line breaks are not allowed here"),
    ],
)
def test_what_could_be_an_option_or_another_line_for_ssh_is_refused(
    tmp_path: Path, field: str, value: str, expected: str
) -> None:
    address = "" if field == "address" else "address: gpu.lan, "
    (problem,) = told(tmp_path, hosts(f'{{name: a, {address}{field}: "{value}"}}'))
    assert f"hosts[1].{field}: {expected}, got " in problem


@pytest.mark.parametrize(("engine", "source"), [("vllm", "--trust-remote-code"), ("ollama", "-h"), ("tgi", "-x/y")])
def test_a_source_that_an_engine_would_read_as_an_option_is_refused(tmp_path: Path, engine: str, source: str) -> None:
    problems = told(
        tmp_path, VALID.replace("models:", f'models:\n  - {{name: o, engine: {engine}, source: "{source}"}}', 1)
    )
    assert any("models[1].source: a source does not begin with a hyphen" in problem for problem in problems)


def test_only_other_machines_are_bootstrapped(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, hosts("{name: here, bootstrap: true}"))
    assert "hosts[1].bootstrap: for hosts over SSH only" in problem
    assert spec_of(tmp_path, hosts("{name: a, address: 10.0.0.1, bootstrap: true}")).workshop.hosts[0].bootstrap
