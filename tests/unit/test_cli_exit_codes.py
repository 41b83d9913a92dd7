"""Exit codes and one line, or one JSON document: what scripts and other tools build on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from orchestrator.cli import app
from orchestrator.cli.outcome import run, wants_json
from orchestrator.errors import HostError, UserError, Where
from tests.unit.command_line import ask

WORKSHOP = [sys.executable, "-m", "orchestrator.cli"]


def command(error: BaseException | None) -> click.Command:
    @click.command()
    @click.option("--output")
    @click.option("-v", "--verbose", is_flag=True)
    def it(**_options: object) -> None:
        if error:
            raise error

    return it


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, 0),
        (UserError("c", "m"), 1),
        (click.UsageError("m"), 2),
        (HostError("c", "m"), 3),
        (ZeroDivisionError("m"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_way_to_end_has_its_code(
    error: BaseException | None, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(error), []) == status
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "error", [UserError("c", "m"), click.UsageError("m"), ZeroDivisionError("m"), KeyboardInterrupt()]
)
def test_a_failure_is_one_json_document_with_every_key(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    run(command(error), ["--output", "json"])
    document = json.loads(capsys.readouterr().out)
    assert list(document["error"]) == ["code", "message", "file", "line", "column", "host", "service", "hint"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], False),
        (["--output"], False),
        (["x", "--output", "json"], True),
        (["--output=json"], True),
        (["--output", "text"], False),
    ],
)
def test_whether_json_is_wanted_is_known_before_the_line_is_parsed(arguments: list[str], wanted: bool) -> None:
    assert wants_json(arguments) is wanted


def test_an_error_names_the_place_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    run(command(UserError("c", "it broke", where=Where(file=Path("w.yaml"), line=3, column=7), hint="Mend it")), [])
    assert capsys.readouterr().err.strip() == "w.yaml:3:7: it broke. Mend it"
    run(command(UserError("c", "it broke", where=Where(host="gpu-1", service="vllm"))), [])
    assert capsys.readouterr().err.strip() == "gpu-1/vllm: it broke"


def test_only_a_bug_shows_its_traceback_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run(command(ZeroDivisionError("m")), [])
    assert "Traceback" in capsys.readouterr().err
    run(command(UserError("c", "m")), [])
    assert "Traceback" not in capsys.readouterr().err
    run(command(UserError("c", "m")), ["-v"])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("--output", "json", "nowhere.yaml"), ("nowhere.yaml", "--output", "json"), ("nowhere.yaml", "--output=json")],
)
@pytest.mark.parametrize("name", ["plan", "provision", "status", "verify", "rehearse", "handouts", "logs"])
def test_output_json_may_stand_anywhere(
    name: str,
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(app.workshop, [name, *arguments]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["file"] == str(tmp_path / "nowhere.yaml")
    assert error["hint"]


def test_a_wrong_command_line_is_2_and_says_what_is_near(tmp_path: Path) -> None:
    typo = ask(tmp_path, "plna")
    assert typo.returncode == 2
    assert "'plan'" in typo.stderr
    option = ask(tmp_path, "plan", "--outptu", "json")
    assert option.returncode == 2
    assert "--output" in option.stderr
    nonsense = ask(tmp_path, "plan", "--nonsense", "--output", "json")
    assert json.loads(nonsense.stdout)["error"]["code"] == "usage"


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_cannot_be_reckoned_with_is_a_wrong_command_line(time: str, tmp_path: Path) -> None:
    answer = ask(tmp_path, "usage", "--since", time)
    assert answer.returncode == 2
    assert f"expected a year from 2000 to 2999, got {time!r}" in answer.stderr


def test_validate_lists_all_problems(tmp_path: Path) -> None:
    (tmp_path / "workshop.yaml").write_text("name: X\ntitel: y\n", encoding="utf-8")
    done = ask(tmp_path, "validate", "--output", "json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert {(error["code"], error["line"]) for error in document["errors"]} >= {("unknown_key", 2), ("wrong_value", 1)}
    text = ask(tmp_path, "validate")
    assert text.stdout == ""
    assert len(text.stderr.splitlines()) == len(document["errors"])


def test_teardown_without_a_terminal_needs_yes_once_there_is_something(tmp_path: Path) -> None:
    folder = tmp_path / "states" / "gone"
    folder.mkdir(parents=True)
    nothing = ask(tmp_path, "teardown", "--name", "gone", "--state-dir", str(folder.parent))
    assert nothing.returncode == 0
    assert "nothing was there" in nothing.stdout
    (folder / "state.sqlite3").touch()
    refused = ask(tmp_path, "teardown", "--name", "gone", "--state-dir", str(folder.parent))
    assert refused.returncode == 2


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_its_code_and_cleans_up(number: signal.Signals, status: int, tmp_path: Path) -> None:
    code = """
import pathlib, sys, time, click
from orchestrator.cli import app
from orchestrator.cli.outcome import run, wants_json
@click.command()
def hold():
    try:
        pathlib.Path("holds").touch()
        time.sleep(120)
    finally:
        pathlib.Path("cleaned").touch()
sys.exit(run(hold, []))
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as child:
        while not (tmp_path / "holds").exists():
            time.sleep(0.02)
        child.send_signal(number)
        _, told = child.communicate(timeout=60)
    assert child.returncode == status
    assert (tmp_path / "cleaned").exists()
    assert "goes on where it stopped" in told


def test_nobody_reading_stdout_is_no_traceback(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [*WORKSHOP, "schema"], cwd=tmp_path, stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from orchestrator.cli import main
sys.argv = ["workshop", "--help"]
try:
    main()
except SystemExit:
    pass
heavy = {"ansible_runner", "docker", "typst", "pydantic", "rich", "requests", "jinja2", "numpy", "ruamel.yaml"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "teardown" in done.stdout


def test_a_setting_that_is_wrong_is_named(tmp_path: Path) -> None:
    assert ask(tmp_path, "init").returncode == 0
    done = ask(tmp_path, "status", environment={"WORKSHOP_WEBUI_CONCURRENCY": "many"})
    assert done.returncode == 1
    assert "the environment variable WORKSHOP_WEBUI_CONCURRENCY: " in done.stderr


def test_init_writes_a_valid_file_and_never_overwrites(tmp_path: Path) -> None:
    assert ask(tmp_path, "init").returncode == 0
    assert ask(tmp_path, "validate").returncode == 0
    (tmp_path / "workshop.yaml").write_text("mine", encoding="utf-8")
    again = ask(tmp_path, "init")
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert (tmp_path / "workshop.yaml").read_text(encoding="utf-8") == "mine"
