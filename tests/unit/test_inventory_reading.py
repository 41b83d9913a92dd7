"""Inventories of every kind, read by Ansible itself in a process that has nothing of the caller's, and only so long."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError, Where
from orchestrator.inventory.found import Asked, FoundHost, Reading, Unread
from orchestrator.inventory.reading import read_inventory
from orchestrator.inventory.refused import PASSWORDS
from orchestrator.inventory.translate import VARIABLES

pytestmark = pytest.mark.usefixtures("ansible_is_ready")

SENTINEL = "sentinel-9f3a-of-the-shell"
INI = """\
[gpu]
gpu-1 ansible_host=10.0.0.1 ansible_port=2222
gpu-2.example.org workshop_gpus='{"count": 2}'
[front]
main ansible_connection=local
[all:vars]
ansible_user=ubuntu
"""
YAML = """\
all:
  children:
    gpu:
      hosts:
        gpu-1: {ansible_host: "{{ net }}.1", net: 10.0.0}
"""
SCRIPT = """\
#!/bin/sh
cat <<END
{"gpu": {"hosts": ["gpu-1"]}, "_meta": {"hostvars": {"gpu-1": {"ansible_host": "10.0.0.1", "workshop_labels": "$LABEL"}}}}
END
"""
OWN = ("workshop_gpus", "workshop_labels", "workshop_roles")


def asked(path: Path, **more: Any) -> Asked:
    named_at = Where(file=Path("workshop.yaml"), line=4, column=3)
    roles = {"gpu": ["inference"]}
    return Asked(**{"path": path, "named_at": named_at, "folder": path.parent, "roles": roles, **more})


def read(path: Path, **more: Any) -> Reading:
    found = read_inventory(asked(path, **more), (*VARIABLES, *OWN), PASSWORDS)
    assert isinstance(found, Reading)
    return found


def refused(path: Path, **more: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        read(path, **more)
    return caught.value


def values(host: FoundHost) -> dict[str, Any]:
    return {name: value.value for name, value in host.values.items()}


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


# Kinds


def test_an_ini_file_gives_hosts_with_their_variables_and_places(tmp_path: Path) -> None:
    file = write(tmp_path / "hosts.ini", INI)
    found = read(file, roles={"gpu": ["inference"], "front": ["gateway", "webui"]})
    assert [(host.name, host.roles) for host in found.hosts] == [
        ("gpu-1", ("inference",)),
        ("gpu-2.example.org", ("inference",)),
        ("main", ("gateway", "webui")),
    ]
    first, second, third = found.hosts
    assert values(first) == {"ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "ubuntu"}
    assert (first.values["ansible_port"].where.file, first.values["ansible_port"].where.line) == (file, 2)
    assert first.values["ansible_user"].where.line == 7
    assert values(second)["workshop_gpus"] == {"count": 2}
    assert values(third)["ansible_connection"] == "local"


def test_a_yaml_file_is_read_and_templates_are_worked_out(tmp_path: Path) -> None:
    file = write(tmp_path / "hosts.yaml", YAML)
    (host,) = read(file).hosts
    assert values(host) == {"ansible_host": "10.0.0.1"}
    where = host.values["ansible_host"].where
    assert (where.file, where.line, where.column) == (file, 5, 31)


def test_a_folder_is_read_with_variables_of_groups_and_hosts_and_of_others_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    write(folder / "one.ini", "[gpu]\ngpu-1\n")
    write(folder / "two.yaml", YAML.replace("gpu-1", "gpu-2"))
    write(folder / "group_vars" / "gpu.yml", "ansible_user: group\nansible_port: 2200\n")
    variables = write(folder / "host_vars" / "gpu-1.yml", "ansible_port: 2201\n")
    write(folder / "README.md", "not an inventory")
    first, second = read(folder).hosts
    assert values(first) == {"ansible_user": "group", "ansible_port": 2201}
    assert values(second) == {"ansible_user": "group", "ansible_port": 2200, "ansible_host": "10.0.0.1"}
    assert first.values["ansible_port"].where == Where(file=variables, line=1, column=15, host="gpu-1")
    assert values(read(folder / "one.ini").hosts[0])["ansible_port"] == 2201


def test_a_program_is_run_and_gets_the_variables_that_were_given(tmp_path: Path) -> None:
    file = write(tmp_path / "cloud", SCRIPT, 0o755)
    (host,) = read(file, environment={"LABEL": SecretStr("l4")}).hosts
    assert values(host) == {"ansible_host": "10.0.0.1", "workshop_labels": "l4"}


def test_a_plugin_that_makes_groups_out_of_variables_is_asked(tmp_path: Path) -> None:
    write(tmp_path / "cluster" / "1.ini", "a kind=gpu\nb kind=cpu\n")
    write(
        tmp_path / "cluster" / "2.yaml",
        "plugin: ansible.builtin.constructed\nstrict: true\ngroups: {gpu: kind == 'gpu'}\n",
    )
    assert [host.name for host in read(tmp_path / "cluster").hosts] == ["a"]


@pytest.mark.usefixtures("ansible_of_its_own")
def test_a_collection_where_ansible_keeps_the_users_own_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = """\
from ansible.plugins.inventory import BaseInventoryPlugin
DOCUMENTATION = "name: rack\\noptions: {plugin: {description: x, required: true}}\\ndescription: x\\nshort_description: x"
class InventoryModule(BaseInventoryPlugin):
    NAME = "mine.lab.rack"
    def verify_file(self, path):
        return True
    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        inventory.add_group("gpu")
        inventory.add_host("from-rack", group="gpu")
"""
    write(tmp_path / ".ansible/collections/ansible_collections/mine/lab/plugins/inventory/rack.py", plugin)
    monkeypatch.setenv("HOME", str(tmp_path))
    config = write(tmp_path / "rack.yaml", "plugin: mine.lab.rack\n")
    assert [host.name for host in read(config).hosts] == ["from-rack"]


# Which hosts


def test_patterns_and_limits_are_ansibles_own(tmp_path: Path) -> None:
    file = write(tmp_path / "hosts", "[gpu]\ngpu-[1:4]\n[mine]\ngpu-2\ngpu-3\n")
    roles = {"gpu:!gpu-3": ["inference"], "gpu-4": ["gateway"], "gone": ["webui"]}
    found = read(file, roles=roles)
    assert [(host.name, *host.roles) for host in found.hosts] == [
        ("gpu-1", "inference"),
        ("gpu-2", "inference"),
        ("gpu-4", "inference", "gateway"),
    ]
    assert (found.empty, found.groups) == (("gone",), ("all", "gpu", "mine", "ungrouped"))
    within = read(file, roles=roles, limit="mine")
    assert ([host.name for host in within.hosts], within.empty) == (["gpu-2"], ("gpu-4", "gone"))
    assert not read(file, limit="nobody").any_host


def test_this_machine_needs_no_line_in_the_inventory(tmp_path: Path) -> None:
    found = read(write(tmp_path / "hosts", "[gpu]\na\n"), roles={"localhost": ["gateway"]})
    (host,) = found.hosts
    assert (host.name, values(host)["ansible_connection"]) == ("localhost", "local")


def test_a_host_that_names_its_own_roles_takes_part(tmp_path: Path) -> None:
    found = read(write(tmp_path / "hosts", "a workshop_roles=gateway\nb\n"), roles={"gpu": ["inference"]})
    assert [(host.name, host.roles) for host in found.hosts] == [("a", ())]


# What it may know


@pytest.mark.usefixtures("ansible_of_its_own")
def test_nothing_of_the_callers_environment_or_configuration_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = (
        f'#!/bin/sh\n(env; ls -A "$(dirname "$ANSIBLE_LOCAL_TEMP")") > {seen}\necho \'{{"gpu": {{"hosts": ["a"]}}}}\'\n'
    )
    file = write(tmp_path / "cloud", script, 0o755)
    hostile = write(tmp_path / "ansible.cfg", "[inventory]\nenable_plugins = ini\n[defaults]\nremote_user = eve\n")
    for name in ("CLOUD_SECRET", "ANSIBLE_REMOTE_USER", "PYTHONPATH", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, SENTINEL)
    monkeypatch.setenv("ANSIBLE_CONFIG", str(hostile))
    monkeypatch.setenv("ANSIBLE_INVENTORY_ENABLED", "ini")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [host.name for host in read(file).hosts] == ["a"]
    environment = seen.read_text(encoding="utf-8")
    assert "ANSIBLE_HOME" in environment
    assert SENTINEL not in environment
    assert str(hostile) not in environment
    assert list((tmp_path / "tmp").iterdir()) == []


def test_of_a_password_only_its_place_is_told(tmp_path: Path) -> None:
    text = f"[gpu]\na ansible_password={SENTINEL} other={SENTINEL} ansible_become_password=\n"
    found = read(write(tmp_path / "hosts", text))
    assert {name: where.line for name, where in found.hosts[0].passwords.items()} == {"ansible_password": 2}
    assert SENTINEL not in repr(found)


def test_a_vaulted_value_is_told_where_it_is_needed_and_nowhere_else(tmp_path: Path) -> None:
    vaulted = '!vault "$ANSIBLE_VAULT;1.1;AES256\\n6162"'
    text = f"all: {{children: {{gpu: {{hosts: {{a: {{ansible_host: {vaulted}, other: {vaulted}, ansible_password: {vaulted}}}}}}}}}}}\n"
    (host,) = read(write(tmp_path / "hosts.yaml", text)).hosts
    assert {name: value.problem for name, value in host.values.items()} == {
        "ansible_host": "it is encrypted with Ansible Vault, and its password is not asked for"
    }
    assert list(host.passwords) == ["ansible_password"]


@pytest.mark.parametrize(
    ("value", "problem"), [("{{ nix }}", "undefined: `nix` is undefined"), ("{{ 1 / 0 }}", "its template cannot")]
)
def test_a_template_that_does_not_come_out_is_told(tmp_path: Path, value: str, problem: str) -> None:
    (host,) = read(write(tmp_path / "hosts", f"[gpu]\na ansible_host='{value}'\n")).hosts
    said = host.values["ansible_host"].problem
    assert said is not None
    assert said.startswith(problem)


# Without programs


@pytest.mark.parametrize(
    ("name", "text", "mode", "why"),
    [
        ("cloud", SCRIPT, 0o755, "cloud is a program"),
        ("aws.yml", "plugin: amazon.aws.aws_ec2\n", 0o644, "aws.yml asks the plugin amazon.aws.aws_ec2"),
        (
            "l.ini",
            "[gpu]\na ansible_host=\"{{ lookup('pipe', 'touch ran') }}\"\n",
            0o644,
            "a value is looked up elsewhere",
        ),
        (
            "l.ini",
            "[gpu]\na ansible_host=\"{{ x }}\" x=\"{{ q('pipe', 'touch ran') }}\"\n",
            0o644,
            "a value is looked up",
        ),
    ],
)
def test_what_would_run_something_is_left(tmp_path: Path, name: str, text: str, mode: int, why: str) -> None:
    file = write(tmp_path / name, text, mode)
    found = read_inventory(asked(file, programs=False), VARIABLES, ())
    assert isinstance(found, Unread)
    assert found.why.startswith(why)
    assert not (tmp_path / "ran").exists()


def test_plain_files_are_read_without_programs_too(tmp_path: Path) -> None:
    write(tmp_path / "c" / "hosts", INI)
    write(tmp_path / "c" / "z.yml", "plugin: constructed\ngroups: {gpu: true}\n")
    assert len(read(tmp_path / "c", programs=False).hosts) == 3


# What goes wrong


def test_a_file_that_is_not_there_is_told_where_the_spec_names_it(tmp_path: Path) -> None:
    problem = refused(tmp_path / "none")
    assert (
        str(problem) == f"workshop.yaml:4:3: cannot read the inventory {tmp_path / 'none'}: no such file or directory"
    )


def test_a_program_without_permission_is_told_with_the_remedy(tmp_path: Path) -> None:
    file = write(tmp_path / "folder" / "cloud", SCRIPT)
    assert str(refused(tmp_path / "folder")) == (
        f"{file}:1: begins with #! as a program, and may not be executed. chmod +x {file}"
    )


@pytest.mark.parametrize(
    ("name", "text", "place", "said"),
    [
        (
            "hosts.ini",
            f"[gpu]\na ansible_user={SENTINEL} {SENTINEL}\n",
            ":2",
            "Expected key=value host variable assignment",
        ),
        ("hosts", "[gpu]\n\n[x:y]\n", ":3", "has unknown type"),
        ("hosts.yaml", f"all:\n  hosts:\n    a: {{x: {SENTINEL}: [}}\n", ":3:", "YAML parsing failed"),
        ("hosts.yaml", "- a\n", "", "should be a dictionary"),
        ("p.yaml", "plugin: no.such.plugin\n", "", "it needs no, which is not installed here"),
    ],
)
def test_what_ansible_cannot_read_is_told_with_its_line_and_without_its_text(
    tmp_path: Path, name: str, text: str, place: str, said: str
) -> None:
    problem = str(refused(write(tmp_path / name, text)))
    assert problem.startswith(f"{tmp_path / name}{place}")
    assert said in problem
    assert SENTINEL not in problem
    assert "\n" not in problem
    assert f"ansible-inventory -i {tmp_path / name} --list" in problem


def test_a_program_that_fails_is_told_with_its_last_words_but_for_secrets(tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'Traceback' >&2\necho \"no project for $TOKEN\" >&2\nexit 3\n"
    problem = str(refused(write(tmp_path / "cloud", script, 0o755), environment={"TOKEN": SecretStr(SENTINEL)}))
    assert "returned non-zero exit code 3 (it said: no project for [secret])" in problem


def test_a_program_that_says_no_json_is_told(tmp_path: Path) -> None:
    assert "JSON" in str(refused(write(tmp_path / "cloud", "#!/bin/sh\necho nothing\n", 0o755)))


@pytest.mark.usefixtures("ansible_of_its_own")
def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = f"#!/bin/sh\nsleep 300 &\necho $! > {tmp_path}/pid\nsleep 300\n"
    begun = time.monotonic()
    problem = refused(write(tmp_path / "cloud", script, 0o755), seconds=4)
    assert time.monotonic() - begun < 60
    assert "cloud: gave no answer within 4 s" in str(problem)
    assert _is_gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


def test_a_folder_with_a_vaulted_file_is_refused_by_that_file(tmp_path: Path) -> None:
    write(tmp_path / "c" / "hosts", INI)
    vault = write(tmp_path / "c" / "group_vars" / "all.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert str(refused(tmp_path / "c")).startswith(f"{vault}: it is encrypted with Ansible Vault")


def _is_gone(process: int, looks: int = 50) -> bool:
    for _ in range(looks):
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_the_check_would_notice_a_process_that_goes_on() -> None:
    assert not _is_gone(os.getpid(), looks=3)
