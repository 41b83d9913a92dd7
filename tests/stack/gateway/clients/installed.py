"""Programs that tests install once in a machine's life, each in a folder of its own that is whole or not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

PATIENCE = 600  # seconds: a hundred packages


def python_with(name: str, *packages: str) -> Path:
    """An interpreter that has these packages. Installed the first time, which takes minutes."""
    folder = f"{name}-python{sys.version_info.major}.{sys.version_info.minor}"
    inside = Path("bin", "python")

    def install(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = [str(folder / inside), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
        _run(name, *pip, *packages)

    def works(folder: Path) -> bool:
        """Not where the Python that it was made of has gone."""
        python = folder / inside
        return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0

    return _kept(folder, install, works) / inside


def npm_with(name: str, *packages: str) -> Path:
    """A folder of node_modules that has these packages; none of their scripts was run."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")

    def install(folder: Path) -> None:
        npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", str(folder)]
        _run(name, *npm, *packages)

    return _kept(name, install, lambda folder: folder.exists()) / "node_modules"


def _kept(name: str, install: Callable[[Path], None], works: Callable[[Path], bool]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workshop-tests"
    folder = cache / name
    if works(folder):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="part-") as part:
        install(Path(part) / "new")
        (Path(part) / "new").rename(folder)  # whole or not at all
    return folder


def _run(name: str, *command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name} was not installed within {PATIENCE} s")
    except subprocess.CalledProcessError as failed:
        said = failed.stderr.strip().splitlines() or ["it said nothing"]
        pytest.skip(f"{name} could not be installed: {said[-1]}")
