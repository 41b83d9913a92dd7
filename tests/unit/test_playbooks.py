"""Playbooks run through Ansible for real, with nothing of the caller's environment and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator import resources
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.playbook import TASK_SECONDS, Target, run_playbook
from orchestrator.fleet.playbook_events import HostResult

PLAYBOOKS = sorted(map(str, resources.PLAYBOOKS.glob("*.yml")))
SENTINEL = "sentinel-9f3a-of-the-shell"
HOSTILE = 'it\'s {{ 7 * 7 }} "there" $HOME \\n #'
HELLO = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Show the environment
      ansible.builtin.shell: env > {{ environment_file }}
      changed_when: false
      tags: good
    - name: Tell
      ansible.builtin.command: {argv: [printf, "did: something\\nit did: nothing\\n"]}
      changed_when: false
      tags: good
    - name: Write a file
      ansible.builtin.copy: {content: "{{ text }}", dest: "{{ file }}"}
      tags: good
    - name: Fail but go on
      ansible.builtin.command: sh -c 'echo one >&2; echo the reason >&2; exit 3'
      ignore_errors: true
      tags: good
"""
TROUBLE = """
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - name: Hang
      ansible.builtin.command: sleep 60
      when: inventory_hostname == "hangs"
    - name: Take its time
      ansible.builtin.command: sleep 2
      timeout: "{{ 2 + 50 }}"
      when: inventory_hostname == "slow"
    - name: Fail
      ansible.builtin.command: sh -c 'echo the last line >&2; exit 1'
      timeout: 52
      when: inventory_hostname == "fails"
"""


@dataclass(frozen=True)
class Ran:
    folder: Path
    results: dict[str, HostResult]
    told: list[str]
    log: str

    @property
    def result(self) -> HostResult:
        return self.results["here"]

    @property
    def leftovers(self) -> list[Path]:
        return list((self.folder / "tmp").iterdir())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Ran]]:
    folder = tmp_path_factory.mktemp("ansible")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("playbooks", "tmp"):
            (folder / name).mkdir()
        patch.setattr(resources, "PLAYBOOKS", folder / "playbooks")
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        patch.setenv("CLOUD_TOKEN", SENTINEL)
        patch.setenv("ANSIBLE_STDOUT_CALLBACK", SENTINEL)

        def go(text: str, *tags: str, hosts: tuple[str, ...] = ("here",), seconds: int = TASK_SECONDS) -> Ran:
            (folder / "playbooks" / "hello.yml").write_text(text, encoding="utf-8")
            told: list[str] = []
            variables = {"file": str(folder / "file"), "text": HOSTILE, "environment_file": str(folder / "environment")}
            targets = [Target(host, LocalChannel(host).for_ansible(), variables) for host in hosts]
            results = run_playbook("hello.yml", targets, told.append, folder / "log", tags, seconds)
            return Ran(folder, results, told, (folder / "log").read_text(encoding="utf-8"))

        yield go


@pytest.fixture(scope="module")
def good(run: Callable[..., Ran]) -> Ran:
    return run(HELLO, "good")


@pytest.fixture(scope="module")
def trouble(run: Callable[..., Ran]) -> Ran:
    """A host each that fails, that hangs, and whose task has a limit of its own; where others have one second."""
    return run(TROUBLE, hosts=("fails", "hangs", "slow"), seconds=1)


def test_nothing_of_the_callers_environment_reaches_ansible(good: Ran) -> None:
    environment = (good.folder / "environment").read_text(encoding="utf-8")
    assert "PATH=" in environment
    assert SENTINEL not in environment + good.log


def test_nothing_is_left_behind_and_the_log_is_private(good: Ran) -> None:
    assert good.leftovers == []
    assert (good.folder / "log").stat().st_mode & 0o777 == 0o600


def test_a_value_is_text_and_never_a_template(good: Ran) -> None:
    assert (good.folder / "file").read_text(encoding="utf-8") == HOSTILE


def test_changes_are_counted_and_tasks_are_told(good: Ran) -> None:
    assert good.result.changed == 1
    assert good.told == ["Show the environment", "Tell", "Write a file", "Fail but go on"]


def test_what_a_command_says_it_did_is_kept(good: Ran) -> None:
    assert good.result.did == ["something"]


def test_a_failure_that_is_ignored_is_only_noted(good: Ran) -> None:
    assert good.result.failed is None
    assert good.result.notes == ["Fail but go on: the reason"]


def test_a_failure_names_its_task_and_its_last_line(trouble: Ran) -> None:
    assert trouble.results["fails"].failed == "Fail: the last line"
    assert trouble.leftovers == []


def test_a_task_that_hangs_is_given_up(trouble: Ran) -> None:
    assert (trouble.results["hangs"].failed or "").endswith("Timed out after 1 second(s).")


def test_a_task_may_have_a_limit_of_its_own(trouble: Ran) -> None:
    assert trouble.results["slow"].failed is None


def test_a_playbook_that_cannot_start_is_a_failure_too(run: Callable[..., Ran]) -> None:
    failed = run("- nonsense: [").result.failed
    assert failed
    assert "Ansible ended early" in failed


def test_ansible_understands_every_playbook() -> None:
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "--syntax-check", "--inventory", "here,", *PLAYBOOKS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [playbook for playbook in PLAYBOOKS if f"playbook: {playbook}\n" not in done.stdout] == []


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv (util-linux) is not installed")
def test_ansible_dies_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "hold.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  tasks: [{{ansible.builtin.command: sh -c 'echo $PPID > {tmp_path}/worker; sleep 60'}}]\n",
        encoding="utf-8",
    )
    code = f"""
from pathlib import Path
from orchestrator import resources
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.playbook import Target, run_playbook
resources.PLAYBOOKS = Path({str(tmp_path)!r})
target = Target("here", connection=LocalChannel("here").for_ansible())
run_playbook("hold.yml", [target], print, Path({str(tmp_path / "log")!r}))
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    eventually((tmp_path / "worker").exists)
    mine = [pid for pid, line in running().items() if str(tmp_path) in line and "ansible-playbook" in line]
    assert mine
    child.kill()
    child.wait()
    eventually(lambda: not set(mine[:1]) & set(running()))
    for pid in set(running()) & set(mine):
        os.kill(pid, signal.SIGKILL)  # a worker that still sleeps


def running() -> dict[int, str]:
    """Process id -> command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return dict(sorted(found.items()))


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
