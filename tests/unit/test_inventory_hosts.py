"""Variables of a host in an inventory, and what comes of them in the spec's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import Where
from orchestrator.inventory.found import FoundHost, Value
from orchestrator.inventory.translate import Translated, translate
from orchestrator.spec.hosts import Host

HERE = Where(file=Path("hosts.ini"), line=2, host="gpu-1")
GPUS = {"count": 2, "memory_gib": 24}


def of(
    variables: dict[str, Any], name: str = "gpu-1", passwords: tuple[str, ...] = (), labels: tuple[str, ...] = ()
) -> Translated:
    values = {variable: Value(value, HERE) for variable, value in variables.items()}
    own = tuple(variable for variable in variables if variable.startswith("workshop_"))
    host = FoundHost(name, HERE, ("inference",), values, dict.fromkeys(passwords, HERE), own)
    return translate(host, Host.model_fields, labels)


@pytest.mark.parametrize(
    ("variables", "fields"),
    [
        ({}, {"address": "gpu-1"}),
        ({"ansible_host": "10.0.0.1"}, {"address": "10.0.0.1"}),
        ({"ansible_ssh_host": "10.0.0.1", "ansible_host": "10.0.0.2"}, {"address": "10.0.0.2"}),
        ({"ansible_port": "2222"}, {"port": 2222}),
        ({"ansible_ssh_port": 2222}, {"port": 2222}),
        ({"ansible_user": "ubuntu"}, {"user": "ubuntu"}),
        ({"ansible_ssh_private_key_file": "keys/a"}, {"key": "keys/a"}),
        ({"ansible_private_key_file": "keys/a"}, {"key": "keys/a"}),
        ({"ansible_become": "yes"}, {"become": True}),
        ({"ansible_become": "false"}, {"become": False}),
        ({"ansible_become": True, "ansible_become_method": "ansible.builtin.sudo"}, {"become": True}),
        ({"ansible_ssh_common_args": "-J me@bastion"}, {"jump": "me@bastion"}),
        ({"ansible_port": 22, "ansible_ssh_extra_args": "-p 2222"}, {"port": 22}),
        ({"ansible_connection": "local", "ansible_user": "x"}, {"address": "localhost"}),
        ({"ansible_connection": "ansible.builtin.ssh"}, {"address": "gpu-1"}),
        ({"ansible_host": ""}, {"address": "gpu-1"}),
        ({"workshop_labels": "big, l4"}, {"labels": ["big", "l4"]}),
        ({"workshop_labels": ["big"]}, {"labels": ["big"]}),
        ({"workshop_roles": "gateway,webui"}, {"roles": ["gateway", "webui"]}),
        ({"workshop_gpus": 2}, {"gpus": {"count": 2}}),
        ({"workshop_gpus": GPUS}, {"gpus": GPUS}),
        ({"workshop_private": "10.1.0.1", "workshop_edge_port": "7444"}, {"private": "10.1.0.1", "edge_port": 7444}),
        ({"workshop_bootstrap": "yes"}, {"bootstrap": True}),
        ({"workshop_address": "10.9.9.9", "ansible_host": "10.0.0.1"}, {"address": "10.9.9.9"}),
        ({"workshop_name": "big"}, {"name": "big", "address": "gpu-1"}),
    ],
)
def test_a_variable_becomes_a_field(variables: dict[str, Any], fields: dict[str, Any]) -> None:
    done = of(variables)
    assert done.problems == []
    assert {name: done.section.get(name) for name in fields} == fields
    Host.model_validate({**done.section, "host_key": None})


def test_this_machine_takes_nothing_of_ssh() -> None:
    local = {"ansible_connection": "local", "ansible_port": 1, "ansible_ssh_common_args": "-o StrictHostKeyChecking=no"}
    assert of(local, passwords=("ansible_password",)).section == {
        "name": "gpu-1",
        "address": "localhost",
        "roles": ["inference"],
    }


@pytest.mark.parametrize(
    ("name", "ours"), [("gpu-1.cluster.example.org", "gpu-1"), ("GPU-1", "gpu-1"), ("localhost", "localhost")]
)
def test_a_host_is_called_by_the_first_part_of_its_name(name: str, ours: str) -> None:
    section = of({}, name).section
    assert (section["name"], section["address"]) == (ours, name)


@pytest.mark.parametrize("name", ["10.0.0.1", "node_1", "1gpu", "2001:db8::1"])
def test_a_name_that_hosts_cannot_have_is_refused_with_the_way_out(name: str) -> None:
    (problem,) = of({}, name).problems
    assert repr(name) in problem.message
    assert problem.hint == "Give it one in the inventory: workshop_name=NAME"
    assert of({"workshop_name": "n"}, name).section["name"] == "n"


def test_variables_can_be_labels() -> None:
    variables = {"workshop_labels": "big", "gpu_model": "l4", "racks": ["r1", "big"], "none": ""}
    assert of(variables, labels=("gpu_model", "racks", "none", "absent")).section["labels"] == ["big", "l4", "r1"]


@pytest.mark.parametrize("kind", ["winrm", "psrp", "docker", "community.docker.docker", "network_cli"])
def test_connections_other_than_ssh_and_this_machine_are_refused(kind: str) -> None:
    (problem,) = of({"ansible_connection": kind}, passwords=("ansible_password",)).problems
    assert str(problem).startswith("hosts.ini:2, gpu-1: ansible_connection: hosts are reached over SSH")
    assert repr(kind) in problem.message


@pytest.mark.parametrize("variable", ["ansible_password", "ansible_ssh_pass", "ansible_ssh_private_key"])
def test_a_password_is_refused_by_name(variable: str) -> None:
    (problem,) = of({}, passwords=(variable,)).problems
    assert f"{variable} is set: no passwords or keys are taken from an inventory" in str(problem)


def test_a_password_for_sudo_matters_where_sudo_is_used() -> None:
    assert of({}, passwords=("ansible_become_password",)).problems == []
    (problem,) = of({"ansible_become": True}, passwords=("ansible_become_password",)).problems
    assert "Give it sudo without a password" in str(problem)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ansible_host_key_checking": False}, "the check of host keys is never switched off"),
        ({"ansible_ssh_host_key_checking": "no"}, "the check of host keys is never switched off"),
        ({"ansible_ssh_args": "-o StrictHostKeyChecking=no"}, "ansible_ssh_args: it has stricthostkeychecking"),
        ({"ansible_become": True, "ansible_become_method": "su"}, "ansible_become_method: only sudo will do"),
        ({"ansible_become": True, "ansible_become_user": "admin"}, "ansible_become_user: only root will do"),
        ({"ansible_shell_type": "powershell"}, "ansible_shell_type: only sh will do"),
        ({"workshop_label": "x"}, "there is no variable workshop_label. Did you mean 'workshop_labels'?"),
        ({"workshop_host_keys": "x"}, "Did you mean 'workshop_host_key'?"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(variables: dict[str, Any], said: str) -> None:
    (problem,) = of(variables).problems
    assert str(problem).startswith("hosts.ini:2, gpu-1: ")
    assert said in str(problem)


def test_settings_of_sudo_are_of_no_matter_without_it() -> None:
    assert of({"ansible_become_method": "su", "ansible_host_key_checking": True}).problems == []


def test_variables_for_the_users_own_playbooks_are_left_alone() -> None:
    assert of({"workshop_scratch_folder": "/srv"}).problems == []


def test_a_value_that_cannot_be_read_is_told() -> None:
    host = FoundHost("a", HERE, (), {"ansible_host": Value(None, HERE, "it is encrypted")}, {}, ())
    (problem,) = translate(host, Host.model_fields).problems
    assert str(problem) == "hosts.ini:2, gpu-1: ansible_host: it is encrypted"
