"""LiteLLM used as a client, in a virtual environment of its own: it needs older packages than the rest of the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.gateway.clients.installed import python_with

pytestmark = pytest.mark.full("an environment of its own is made for it; other clients make the same calls")

VERSION = "1.106.2"
CALLS = Path(__file__).parent / "litellm_calls.py"


@pytest.fixture(scope="module")
def python() -> Path:
    return python_with(f"litellm-{VERSION}", f"litellm=={VERSION}")


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
