"""The wheel is a working program: playbooks, templates and Compose files are inside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator.workflow.rollout.bootstrap import SCRIPT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("workshop_orchestrator-*.whl"))


def test_every_playbook_template_and_compose_file_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "playbooks", "templates", "compose"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {f"orchestrator/_data/{path}" for path in tracked} <= inside
    assert {f"orchestrator/_data/bootstrap/{name}" for name in SCRIPT} <= inside
    assert "orchestrator/engines/common_models.json" in inside


def test_it_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from orchestrator.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "init", "workshop.yaml"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "workshop.yaml").read_text(encoding="utf-8").startswith("# yaml-language-server")


def test_it_has_both_console_scripts(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    entry_points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(entry_points).decode()
    assert "workshop = orchestrator.cli:main" in text
    assert "provision = orchestrator.cli:provision_main" in text
