"""Playbooks run through Ansible for real, with nothing of the caller's environment and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from orchestrator import resources
from orchestrator.fleet.playbook import HostResult, Target, run_playbook

SENTINEL = "sentinel-9f3a-of-the-shell"
HELLO = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Show the environment
      ansible.builtin.command: env
      changed_when: false
      tags: look
    - name: Write a file
      ansible.builtin.copy: {content: "{{ text }}", dest: "{{ file }}"}
      tags: write
    - name: Fail but go on
      ansible.builtin.command: sh -c 'echo one >&2; echo the reason >&2; exit 3'
      ignore_errors: true
      tags: grumble
    - name: Fail
      ansible.builtin.command: sh -c 'echo the last line >&2; exit 1'
      tags: fail
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "hello.yml").write_text(HELLO, encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(resources, "PLAYBOOKS", tmp_path / "playbooks")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("CLOUD_TOKEN", SENTINEL)
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", SENTINEL)

    def go(*tags: str) -> tuple[HostResult, list[str], str]:
        told: list[str] = []
        target = Target("here", variables={"file": str(tmp_path / "file"), "text": 'it\'s {{ 7 }} "there"'})
        result = run_playbook("hello.yml", [target], told.append, tmp_path / "log", tags)["here"]
        return result, told, (tmp_path / "log").read_text(encoding="utf-8")

    return go


def test_nothing_of_the_callers_environment_reaches_ansible(run: object, tmp_path: Path) -> None:
    _, _, log = run("look")  # type: ignore[operator]
    assert "HOME=" in log or "PATH=" in log or "Show the environment" in log
    assert SENTINEL not in log
    assert os.environ["CLOUD_TOKEN"] == SENTINEL
    assert list((tmp_path / "tmp").iterdir()) == []


def test_changes_are_counted_and_tasks_are_told(run: object, tmp_path: Path) -> None:
    result, told, _ = run("write")  # type: ignore[operator]
    assert (result.changed, result.failed, told) == (1, None, ["Write a file"])
    assert (tmp_path / "file").read_text(encoding="utf-8") == 'it\'s {{ 7 }} "there"'
    again, _, _ = run("write")  # type: ignore[operator]
    assert again.changed == 0


def test_a_failure_names_its_task_and_its_last_line(run: object, tmp_path: Path) -> None:
    result, _, _ = run("fail")  # type: ignore[operator]
    assert result.failed == "Fail: the last line"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_failure_that_is_ignored_is_only_noted(run: object) -> None:
    result, _, _ = run("grumble")  # type: ignore[operator]
    assert result.failed is None
    assert result.notes == ["Fail but go on: the reason"]


def test_a_playbook_that_cannot_start_is_a_failure_too(run: object, tmp_path: Path) -> None:
    (tmp_path / "playbooks" / "hello.yml").write_text("- nonsense: [", encoding="utf-8")
    result, _, _ = run()  # type: ignore[operator]
    assert result.failed
    assert "Ansible ended early" in result.failed


def test_the_log_is_private(run: object, tmp_path: Path) -> None:
    run("write")  # type: ignore[operator]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["provision.yml", "teardown.yml"])
def test_the_packaged_playbooks_are_well_formed(name: str) -> None:
    program = shutil.which("ansible-playbook", path=str(Path(sys.executable).parent))
    assert program
    done = subprocess.run(
        [program, "--syntax-check", "-i", "localhost,", str(resources.PLAYBOOKS / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
