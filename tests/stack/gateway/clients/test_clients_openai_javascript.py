"""OpenAI's own JavaScript client, from npm: its usual calls, unchanged. The calls are in javascript/calls.mjs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CALLS = Path(__file__).parent / "javascript"
MODELS = {"chat": "tiny-chat", "embeddings": "tiny-embedder"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client in it: the one of NODE_MODULES_WITH_OPENAI, or what npm installs from the lock file."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("javascript")
    for file in CALLS.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    if given := os.environ.get("NODE_MODULES_WITH_OPENAI"):
        (folder / "node_modules").symlink_to(given)
        return folder
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=180)
    if installed.returncode:
        pytest.skip(f"npm could not install openai: {installed.stderr.strip().splitlines()[0]}")
    return folder


@pytest.fixture(scope="module")
def told(package: Path, base: str, spent_before: int) -> dict[str, Any]:
    asked = json.dumps({"base": f"{base}/v1", "models": MODELS})
    ran = subprocess.run(
        ["node", "calls.mjs", asked], cwd=package, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def test_it_chats(told: dict[str, Any]) -> None:
    assert told["chat"]["text"]
    assert told["chat"]["finish"] in {"length", "stop"}
    assert told["chat"]["usage"]["completion_tokens"] > 0


def test_it_streams(told: dict[str, Any]) -> None:
    assert len([piece for piece in told["stream"]["pieces"] if piece]) > 2
    assert told["stream"]["usage"]["completion_tokens"] > 2


def test_it_lists_models_and_finds_one(told: dict[str, Any]) -> None:
    assert {"tiny-chat", "tiny-embedder", "llama3.2"} <= set(told["models"])
    assert told["model"] == "tiny-chat"


def test_it_makes_embeddings(told: dict[str, Any]) -> None:
    one, two = told["embeddings"]

    assert len(one) == len(two) > 8
    assert one != two


def test_it_asks_for_responses(told: dict[str, Any]) -> None:
    assert told["response"]["text"]
    assert told["response"]["tokens"] > 0


@pytest.mark.parametrize(
    ("case", "kind", "status", "code"),
    [
        ("wrongKey", "AuthenticationError", 401, "invalid_api_key"),
        ("wrongModel", "NotFoundError", 404, "model_not_found"),
        ("tooMany", "RateLimitError", 429, "rate_limit_exceeded"),
        ("spent", "RateLimitError", 429, "insufficient_quota"),
    ],
)
def test_refusals_are_its_own_kinds_of_error(
    told: dict[str, Any], case: str, kind: str, status: int, code: str
) -> None:
    assert (told[case]["kind"], told[case]["status"], told[case]["code"]) == (kind, status, code)


def test_a_spent_budget_is_not_asked_for_again(
    told: dict[str, Any], spent_before: int, asked: Callable[[str], int]
) -> None:
    assert told["spent"]
    assert asked("spent") == spent_before + 1
