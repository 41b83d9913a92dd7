"""`inventory:` in workshop.yaml: its hosts stand beside those of `hosts:`, and every problem has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.settings import Settings
from orchestrator.spec.loader import InventoryUse, Spec, load
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import reached_hosts
from orchestrator.workflow.rollout.leave import note_leaving
from tests.unit.command_line import ask
from tests.unit.spec_samples import VALID, told

pytestmark = pytest.mark.usefixtures("ansible_is_ready")

INI = """\
[gateway]
front ansible_host=10.0.0.10
[webui]
front
[inference]
gpu-1 ansible_host=10.0.0.11 ansible_port=2222 workshop_labels=l4
gpu-2 ansible_host=10.0.0.12 workshop_labels=h100
[inference:vars]
ansible_user=ubuntu
ansible_become=true
"""
NAMED = VALID + "inventory: hosts.ini\n"
SCRIPT = """\
#!/bin/sh
echo ran >> ran
cat hosts.json
"""
HOSTS = '{{"gateway": {{"hosts": ["front"]}}, "webui": {{"hosts": ["front"]}}, "inference": {{"hosts": [{}]}}, "_meta": {{"hostvars": {{}}}}}}'


def spec_with(folder: Path, text: str, inventory: str = INI) -> Path:
    (folder / "hosts.ini").write_text(inventory, encoding="utf-8")
    file = folder / "workshop.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def cloud(folder: Path, *inference: str) -> Path:
    """A spec whose inventory is a program, which notes each of its runs."""
    (folder / "hosts.json").write_text(HOSTS.format(", ".join(f'"{name}"' for name in inference)), encoding="utf-8")
    (folder / "cloud").write_text(SCRIPT, encoding="utf-8")
    (folder / "cloud").chmod(0o755)
    return spec_with(folder, VALID + "inventory: cloud\n")


def runs(folder: Path) -> int:
    file = folder / "ran"
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


def lines_of(folder: Path, text: str, inventory: str = INI) -> list[str]:
    spec_with(folder, text, inventory)
    return told(folder, text)


def names(spec: Spec) -> list[tuple[str, str, list[str]]]:
    return [(host.name, host.address, list(host.roles)) for host in spec.workshop.hosts]


# Hosts


def test_groups_named_after_roles_are_enough(tmp_path: Path) -> None:
    spec = load(spec_with(tmp_path, NAMED))
    assert names(spec) == [
        ("front", "10.0.0.10", ["gateway", "webui"]),
        ("gpu-1", "10.0.0.11", ["inference"]),
        ("gpu-2", "10.0.0.12", ["inference"]),
    ]
    _, first, second = reached_hosts(spec, Settings())
    assert (first.user, first.port, first.become) == ("ubuntu", 2222, True)
    assert (second.port, spec.workshop.hosts[2].labels) == (22, ["h100"])


def test_groups_of_other_names_are_given_roles_and_hosts_of_the_spec_stand_first(tmp_path: Path) -> None:
    text = VALID + (
        "hosts: [{name: here, roles: [gateway, webui]}]\n"
        "inventory: {path: hosts.ini, roles: {'inference:!gpu-2': [inference]}, labels: [ansible_user]}\n"
    )
    spec = load(spec_with(tmp_path, text))
    assert names(spec) == [("here", "localhost", ["gateway", "webui"]), ("gpu-1", "10.0.0.11", ["inference"])]
    assert spec.workshop.hosts[1].labels == ["l4", "ubuntu"]


def test_models_are_checked_against_its_hosts(tmp_path: Path) -> None:
    assert lines_of(tmp_path, NAMED.replace("inventory:", "    labels: [a100]\ninventory:")) == [
        "workshop.yaml:8:14: models[1].labels[1]: no host with the role inference has the label 'a100'. Did you mean 'h100'?"
    ]
    assert load(spec_with(tmp_path, NAMED.replace("inventory:", "    host: gpu-2\ninventory:")))


# Problems


@pytest.mark.parametrize(
    ("inventory", "line"),
    [
        (
            INI.replace("ansible_port=2222", "ansible_port=high"),
            "hosts.ini:6, gpu-1: ansible_port: expected a whole number, got 'high'",
        ),
        (
            INI.replace("l4", "'no good'"),
            "hosts.ini:6, gpu-1: workshop_labels[1]: expected plain letters, digits, dots and hyphens, got 'no good'",
        ),
        (
            INI.replace("10.0.0.12", "10.0.0.10"),
            (
                "hosts.ini:7, gpu-2: front and gpu-2 are the same machine: 10.0.0.10, port 22."
                " Give one of them the roles of both"
            ),
        ),
        (INI.replace("[gateway]", "[other]"), "workshop.yaml:8:12: inventory: no host has the role gateway"),
        (
            INI.replace("[gateway]", "[gateway]\ngpu-1"),
            "hosts.ini:3, front: the roles of its groups: a second host with the role gateway; one is enough",
        ),
        (
            INI.replace("gpu-2 ", "gpu-1.example.org "),
            (
                "hosts.ini:7, gpu-1.example.org: another host is called gpu-1: gpu-1."
                " Give it another name in the inventory: workshop_name=NAME"
            ),
        ),
        (
            INI.replace("true", "true\nansible_ssh_common_args=-o StrictHostKeyChecking=no"),
            (
                "hosts.ini:11, gpu-1: ansible_ssh_common_args: it has stricthostkeychecking, which weakens the check of host"
                " keys. Host keys are always checked; take it out, and give known_hosts or workshop_host_key"
            ),
        ),
        ("", "workshop.yaml:8:12: hosts.ini has no hosts"),
        (
            "[gpus]\na\n",
            (
                "workshop.yaml:8:12: no host of hosts.ini has a role: no group is named gateway, webui or inference."
                " Say it in the spec, like inventory: {path: ..., roles: {GROUP: [inference]}}"
            ),
        ),
    ],
)
def test_what_is_wrong_in_the_inventory_is_told_with_its_place(tmp_path: Path, inventory: str, line: str) -> None:
    assert line in lines_of(tmp_path, NAMED, inventory)


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        ("none.ini", ["workshop.yaml:8:12: cannot read the inventory none.ini: no such file or directory"]),
        (
            "{path: hosts.ini, roles: {inferences: [inference]}}",
            [
                "workshop.yaml:8:50: no host of hosts.ini matches 'inferences'. Did you mean 'inference'?",
            ],
        ),
        (
            "{path: hosts.ini, limit: gpus}",
            ["workshop.yaml:8:37: no host of hosts.ini matches 'gpus'. Its groups: gateway, inference, webui"],
        ),
        (
            "{path: hosts.ini, environment: {A: '${env:NOT_SET_ANYWHERE}'}}",
            ["workshop.yaml:8:47: the environment variable NOT_SET_ANYWHERE is not set. export NOT_SET_ANYWHERE=..."],
        ),
        ("{path: hosts.ini, limit: '@file'}", ["workshop.yaml:8:37: inventory.limit: expected a host pattern"]),
        ("{path: hosts.ini, labels: ['a b']}", ["workshop.yaml:8:39: inventory.labels[1]: expected the name of"]),
        ("[hosts.ini]", ["workshop.yaml:8:12: inventory: expected a mapping, got a list"]),
    ],
)
def test_what_is_wrong_in_the_section_is_told_with_its_place(tmp_path: Path, section: str, lines: list[str]) -> None:
    found = lines_of(tmp_path, VALID + f"inventory: {section}\n")
    assert len(found) == len(lines)
    assert [line[: len(start)] for line, start in zip(found, lines, strict=True)] == lines


def test_a_host_of_both_is_told(tmp_path: Path) -> None:
    text = NAMED + "hosts: [{name: gpu-1, roles: [inference]}]\n"
    assert lines_of(tmp_path, text) == [
        (
            "hosts.ini:6, gpu-1: another host is called gpu-1: one of hosts: in the spec."
            " Give it another name in the inventory: workshop_name=NAME"
        )
    ]


# When it is read


def test_it_is_asked_once_and_not_for_a_spec_with_mistakes(tmp_path: Path) -> None:
    file = cloud(tmp_path, "gpu-1")
    assert len(load(file).workshop.hosts) == 2
    assert runs(tmp_path) == 1
    file.write_text(VALID + "inventory: cloud\ngatewy: {}\n", encoding="utf-8")
    with pytest.raises(SpecError):
        load(file)
    assert runs(tmp_path) == 1


def test_practice_mode_and_teardown_do_without(tmp_path: Path) -> None:
    file = cloud(tmp_path, "gpu-1")
    file.write_text(VALID + "    host: gpu-1\ninventory: cloud\n", encoding="utf-8")
    assert names(load(file, practice=True)) == [("here", "localhost", ["gateway", "webui", "inference"])]
    assert load(file, inventory=InventoryUse.LEFT).unread
    assert ask(tmp_path, "plan", "workshop.yaml", "--practice").returncode == 0
    assert ask(tmp_path, "teardown", "workshop.yaml", "--yes").returncode == 0
    assert runs(tmp_path) == 0


def test_validate_runs_no_program_and_says_so(tmp_path: Path) -> None:
    cloud(tmp_path, "gpu-1")
    done = ask(tmp_path, "validate", "workshop.yaml")
    assert (done.returncode, done.stderr, runs(tmp_path)) == (0, "", 0)
    assert done.stdout == (
        "workshop.yaml: valid, but for the hosts of its inventory, which was not read: cloud is a program\n"
    )
    assert '"unread": "cloud is a program"' in ask(tmp_path, "validate", "workshop.yaml", "--output", "json").stdout


def test_validate_looks_for_the_secrets_of_a_program_all_the_same(tmp_path: Path) -> None:
    file = cloud(tmp_path)
    section = "inventory: {path: cloud, environment: {A: '${env:NOT_SET_ANYWHERE}'}}\n"
    file.write_text(VALID + section, encoding="utf-8")
    done = ask(tmp_path, "validate", "workshop.yaml")
    assert (done.returncode, runs(tmp_path)) == (1, 0)
    assert "workshop.yaml:8:43: the environment variable NOT_SET_ANYWHERE is not set" in done.stderr


def test_validate_reads_plain_files(tmp_path: Path) -> None:
    spec_with(tmp_path, NAMED.replace("inventory:", "    labels: [a100]\ninventory:"))
    done = ask(tmp_path, "validate", "workshop.yaml")
    assert done.returncode == 1
    assert "has the label 'a100'" in done.stderr
    spec_with(tmp_path, NAMED)
    assert ask(tmp_path, "validate", "workshop.yaml").stdout == "workshop.yaml: valid\n"


# From one run to the next


def test_hosts_that_left_the_inventory_are_let_go(tmp_path: Path) -> None:
    file = cloud(tmp_path, "gpu-1", "gpu-2")
    with State.open(StateFolder.for_spec(file, "class")) as state:
        for host in reached_hosts(load(file), Settings()):
            state.deployed.record_host(host)
        assert note_leaving(load(file), Settings(), state) == ()
        cloud(tmp_path, "gpu-2", "gpu-3")
        assert [host.name for host in note_leaving(load(file), Settings(), state)] == ["gpu-1"]
