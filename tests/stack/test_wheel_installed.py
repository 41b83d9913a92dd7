"""A newcomer's way with the wheel, as pipx goes it: a fresh environment with the newest of everything, on each Python."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from orchestrator.spec.components import Component
from tests.stack.workshop.bed import free_port

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.full("a minute for each Python, to install what tests/unit/test_wheel.py looks into")
PYTHONS = ("3.11", "3.13")  # the lowest, and Debian 13's


@dataclass(frozen=True)
class Installed:
    folder: Path  # where the newcomer is
    environment: Mapping[str, str]

    def run(self, *command: str, **more: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **more},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module", params=PYTHONS)
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    python = interpreter(request.param)
    if python is None:
        pytest.skip(
            f"no Python {request.param} on this machine (Debian's package, pyenv or `uv python install` brings one)"
        )
    folder = tmp_path_factory.mktemp("newcomer")
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True, capture_output=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    done = subprocess.run(pip, check=False, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join((str(folder / "venv" / "bin"), "/usr/local/bin", "/usr/bin", "/bin"))
    return Installed(folder, {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"})


@cache
def interpreter(version: str) -> str | None:
    """One that runs: a name on the path may be a shim that leads nowhere."""
    return next((found for found in _candidates(version) if _is(found, version)), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    if named := shutil.which(f"python{version}"):
        yield named
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], check=False, capture_output=True, text=True).stdout.strip()
        yield from map(str, sorted(Path(root, "versions").glob(f"{version}*/bin/python{version}")))
    if uv := shutil.which("uv"):
        found = subprocess.run([uv, "python", "find", version], check=False, capture_output=True, text=True)
        yield from found.stdout.split("\n")[:1] if found.returncode == 0 else ()


def _is(python: str, version: str) -> bool:
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True)
    return done.stdout.strip() == version


def test_both_programs_are_there(installed: Installed) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version in installed.run("workshop", "--version")
    assert "--practice" in installed.run("provision", "--help")


def test_the_packaged_example_is_valid_and_can_be_planned(installed: Installed) -> None:
    installed.run("workshop", "init", "class.yaml")
    installed.run("workshop", "validate", "class.yaml")
    assert "gateway" in installed.run("workshop", "plan", "class.yaml")


def test_the_example_with_gpu_hosts_is_valid(installed: Installed) -> None:
    shutil.copy(ROOT / "examples" / "on-prem.yaml", installed.folder)
    installed.run("workshop", "validate", "on-prem.yaml", OPENROUTER_API_KEY="k", AZURE_API_KEY="k")


def test_ansible_comes_along_and_runs(installed: Installed) -> None:
    """The one that this Python takes: below 3.12 that is 2.19."""
    assert "ansible-playbook [core 2." in installed.run("ansible-playbook", "--version")


def test_a_class_without_a_page_is_provisioned_and_torn_down(
    installed: Installed, packaged: Callable[[Component], str]
) -> None:
    """In practice mode, with this machine's Docker."""
    for image in ("gateway", "llamacpp"):
        packaged(Component(image))
    spec = {
        "name": f"stacktest-wheel-{secrets.token_hex(3)}",
        "title": "From the wheel",
        "practice": True,
        "public": {"host": "127.0.0.1"},
        "participants": {"count": 1},
        "models": [{"name": "tiny", "engine": "llamacpp", "source": "ggml-org/models/tinyllamas/stories260K.gguf"}],
        "gateway": {"port": free_port()},
        "webui": {"mode": "none"},
    }
    (installed.folder / "small.yaml").write_text(json.dumps(spec), encoding="utf-8")
    own = {"WORKSHOP_STACK_DIR": str(installed.folder / "stack")}
    try:
        told = json.loads(installed.run("provision", "small.yaml", "--output", "json", **own))
        assert told["ok"] is True
    finally:
        installed.run("workshop", "teardown", "small.yaml", "--yes", **own)
