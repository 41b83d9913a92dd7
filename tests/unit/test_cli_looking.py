"""Commands that only look: `workshop plan` touches nothing, and `workshop` alone says what there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKSHOP = Path(sys.executable).with_name("workshop")


def plan(folder: Path, file: str, *options: str) -> subprocess.CompletedProcess[str]:
    """In a copy of its own, without any Docker, with a home folder that is empty."""
    home = folder / "home"
    home.mkdir()
    (folder / "spec").mkdir()
    (folder / "spec" / "workshop.yaml").write_bytes((ROOT / file).read_bytes())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),  # this tree, wherever the command was installed from
    }
    command = [str(WORKSHOP), "plan", "workshop.yaml", *options]
    return subprocess.run(
        command, cwd=folder / "spec", env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("file", ["examples/on-prem.yaml", "templates/init/workshop.yaml"])
def test_it_creates_no_file_anywhere(tmp_path: Path, file: str) -> None:
    answer = plan(tmp_path, file)
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


@pytest.mark.parametrize("arguments", [[], ["participants"]])
def test_without_a_command_the_help_is_told_once(arguments: list[str]) -> None:
    answer = subprocess.run([str(WORKSHOP), *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("Usage:") == 1
    assert "Commands:" in answer.stderr
