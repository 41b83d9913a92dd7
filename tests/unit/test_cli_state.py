"""`workshop state` on the command line: where a passphrase may come from, and what is printed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pexpect
import pytest

from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from tests.unit import command_line
from tests.unit.command_line import Answer

WORKSHOP = [sys.executable, "-m", "orchestrator.cli", "state"]
PASSPHRASE = "correct horse battery"
SPEC = """\
name: demo
title: A class
participants: {count: 2}
models: [{name: m, engine: ollama, source: "llama3.2:3b"}]
practice: true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workshop.yaml").write_text(SPEC, encoding="utf-8")
    with State.open(StateFolder.for_spec(tmp_path / "workshop.yaml", "demo")) as state:
        state.begin("demo", tmp_path / "workshop.yaml")
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, said: str = "") -> Answer:
    return command_line.ask(folder, "state", *arguments, said=said)


@pytest.mark.parametrize("arguments", [("export",), ("import", "demo.workshop")])
def test_without_a_terminal_a_passphrase_comes_from_a_file_or_not_at_all(folder: Path, arguments: tuple[str]) -> None:
    done = run(folder, *arguments, said=PASSPHRASE)
    assert done.returncode == 2
    assert "--passphrase-file" in done.stderr
    assert not (folder / "demo.workshop").exists()


def test_from_a_file_there_and_from_stdin_back(folder: Path) -> None:
    done = run(folder, "export", "--hand-over", "--passphrase-file", "passphrase", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["file"] == str(folder / "demo.workshop")
    back = run(folder, "import", "demo.workshop", "--passphrase-file", "-", "--output", "json", said=PASSPHRASE)
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["spec"] == str(folder / "demo" / "workshop.yaml")
    assert json.loads(run(folder, "take-back", "--output", "json").stdout)["was_handed_over"] is True
    secret = (folder / ".workshop" / "demo" / "secret").read_bytes()
    assert (folder / "demo" / ".workshop" / "demo" / "secret").read_bytes() == secret
    for printed in (done.stdout + done.stderr, back.stdout + back.stderr):
        assert PASSPHRASE not in printed
        assert secret.hex() not in printed


def test_a_passphrase_that_others_can_read_is_refused(folder: Path) -> None:
    (folder / "passphrase").chmod(0o640)
    done = run(folder, "export", "--passphrase-file", "passphrase", "--output", "json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "passphrase_exposed")
    assert PASSPHRASE not in done.stdout + done.stderr


@pytest.mark.parametrize(("said", "code"), [("\n", "passphrase_missing"), ("short\n", "passphrase_short")])
def test_an_empty_or_a_short_one_is_refused(folder: Path, said: str, code: str) -> None:
    done = run(folder, "export", "--passphrase-file", "-", "--output", "json", said=said)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, code)


def test_a_file_that_is_no_export_or_not_there_is_one_line(folder: Path) -> None:
    for file, why in (("workshop.yaml", "not a workshop's exported state"), ("nowhere", "cannot be read")):
        done = run(folder, "import", file, "--passphrase-file", "passphrase")
        assert done.returncode == 1
        assert (done.stderr.count("\n"), why in done.stderr, file in done.stderr) == (1, True, True)


def ask(folder: Path, *arguments: str) -> pexpect.spawn[str]:
    return pexpect.spawn(WORKSHOP[0], [*WORKSHOP[1:], *arguments], cwd=str(folder), encoding="utf-8", timeout=30)


def test_on_a_terminal_it_is_asked_twice_there_and_once_back_and_never_shown(folder: Path) -> None:
    there = ask(folder, "export")
    for _ in range(2):
        there.expect("Passphrase|Again")
        there.sendline(PASSPHRASE)
    there.expect(pexpect.EOF)
    shown = str(there.before)
    there.close()
    assert there.exitstatus == 0, shown
    back = ask(folder, "import", "demo.workshop")
    back.expect("Passphrase")
    back.sendline(PASSPHRASE)
    back.expect(pexpect.EOF)
    shown += str(back.before)
    back.close()
    assert back.exitstatus == 0, shown
    assert PASSPHRASE not in shown


def test_two_that_differ_are_refused(folder: Path) -> None:
    asked = ask(folder, "export")
    asked.expect("Passphrase")
    asked.sendline(PASSPHRASE)
    asked.expect("Again")
    asked.sendline(f"{PASSPHRASE}x")
    asked.expect("the two are not the same")
    asked.expect(pexpect.EOF)
    asked.close()
    assert asked.exitstatus == 1
    assert not (folder / "demo.workshop").exists()


def test_an_empty_answer_makes_one_of_words_that_opens_it(folder: Path) -> None:
    asked = ask(folder, "export")
    asked.expect("Passphrase")
    asked.sendline("")
    asked.expect(r"Passphrase: ((?:[a-z]+-){7}[a-z]+)\r")
    assert isinstance(asked.match, re.Match)
    made = str(asked.match[1])
    asked.expect(pexpect.EOF)
    asked.close()
    assert run(folder, "import", "demo.workshop", "--passphrase-file", "-", said=made).returncode == 0
