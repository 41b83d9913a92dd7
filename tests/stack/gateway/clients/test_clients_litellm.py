"""LiteLLM used as a client, in a virtual environment of its own: it needs older packages than the rest of the tests."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VERSION = "1.106.2"
PATIENCE = 600  # seconds: a hundred packages
CALLS = Path(__file__).parent / "litellm_calls.py"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has LiteLLM."""
    folder = tmp_path_factory.mktemp("litellm")
    venv.create(folder, with_pip=True)
    found = folder / "bin" / "python"
    command = [
        str(found),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--disable-pip-version-check",
        f"litellm=={VERSION}",
    ]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.skip(f"LiteLLM was not installed within {PATIENCE} s")
    except subprocess.CalledProcessError as failed:
        pytest.skip(f"LiteLLM could not be installed: {failed.stderr.strip().splitlines()[-1]}")
    return found


@pytest.fixture(scope="module")
def told(python: Path, base: str, spent_before: int) -> dict[str, Any]:
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": str(Path(sys.executable).parent)}
    ran = subprocess.run(
        [str(python), str(CALLS), base], env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def test_it_completes(told: dict[str, Any]) -> None:
    assert told["chat"]["text"]
    assert told["chat"]["completion_tokens"] > 0


def test_it_streams(told: dict[str, Any]) -> None:
    assert len(told["stream"]) > 2


def test_it_makes_embeddings(told: dict[str, Any]) -> None:
    assert told["embeddings"] == 2


def test_it_asks_ollamas_own_routes(told: dict[str, Any]) -> None:
    assert told["ollama"]


@pytest.mark.parametrize(
    ("case", "kind"),
    [("nobody", "AuthenticationError"), ("no-such-model", "NotFoundError"), ("spent", "RateLimitError")],
)
def test_refusals_are_its_own_kinds_of_error(told: dict[str, Any], case: str, kind: str) -> None:
    assert told["refused"][case] == kind


def test_a_spent_budget_is_not_asked_for_again(
    told: dict[str, Any], spent_before: int, asked: Callable[[str], int]
) -> None:
    assert told["refused"]["spent"]
    assert asked("spent") == spent_before + 1
