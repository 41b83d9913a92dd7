"""Commands that only look: `workshop plan` touches nothing, and `workshop` alone says what there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.command_line import Answer, ask

ROOT = Path(__file__).parents[2]
WORKSHOP = Path(sys.executable).with_name("workshop")


Plan = Callable[..., Answer]


def in_this_process(folder: Path, *arguments: str, environment: Mapping[str, str]) -> Answer:
    return ask(folder, *arguments, environment=environment)


def as_installed(folder: Path, *arguments: str, environment: Mapping[str, str]) -> Answer:
    more = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),  # this tree, wherever the command was installed from
    }
    done = subprocess.run(
        [str(WORKSHOP), *arguments],
        cwd=folder,
        env={**environment, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def plan(folder: Path, file: str, *options: str, way: Plan = in_this_process) -> Answer:
    """In a copy of its own, without any Docker, with a home folder that is empty."""
    home = folder / "home"
    home.mkdir()
    (folder / "spec").mkdir()
    (folder / "spec" / "workshop.yaml").write_bytes((ROOT / file).read_bytes())
    environment = {"HOME": str(home), "DOCKER_HOST": f"unix://{folder}/no-docker.sock"}
    return way(folder / "spec", "plan", "workshop.yaml", *options, environment=environment)


@pytest.mark.parametrize(
    ("file", "way"), [("examples/on-prem.yaml", as_installed), ("templates/init/workshop.yaml", in_this_process)]
)
def test_it_creates_no_file_anywhere(tmp_path: Path, file: str, way: Plan) -> None:
    answer = plan(tmp_path, file, way=way)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {"home", "spec", "spec/workshop.yaml"}


def test_the_real_class_is_told_as_one_document(tmp_path: Path) -> None:
    answer = plan(tmp_path, "examples/on-prem.yaml", "--output", "json", "--exit-code")
    assert answer.returncode == 10
    document = json.loads(answer.stdout)
    assert [(backend["model"], backend["host"], backend["gpus"]) for backend in document["backends"]] == [
        ("mistral-7b", "gpu-1", [0]),
        ("qwen2.5-7b", "gpu-1", [1]),
        ("mistral-7b", "gpu-2", [0]),
        ("llama3.2", "gpu-2", [1]),
    ]
    assert [backend["people"] for backend in document["backends"]] == [
        4 * backend["serves"]["requests"] for backend in document["backends"]
    ]
    assert sum(change["what"] == "participant" for change in document["changes"]) == 33
    assert any("no host was asked: `workshop preflight`" in note for note in document["notes"])


@pytest.mark.parametrize(("arguments", "way"), [([], as_installed), (["participants"], in_this_process)])
def test_without_a_command_the_help_is_told_once(tmp_path: Path, arguments: list[str], way: Plan) -> None:
    answer = way(tmp_path, *arguments, environment={})
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("Usage:") == 1
    assert "Commands:" in answer.stderr
