"""What an engine said before it ended, and how it ended: from a real log of each kind, shortened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.checks.last_words import MOST_CHARACTERS, last_words
from orchestrator.fleet.docker_host import ContainerState

STATE = ContainerState("id", "m-1", "m-1", "engine", "m", "exited", None, "", "", "", 3, "")


def log(*lines: str) -> str:
    return "".join(f"2026-11-30T20:00:00.000000001Z {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["error: invalid argument: --mistake"], "error: invalid argument: --mistake"),
        (["vllm: error: unrecognized arguments: --mistake", ""], "vllm: error: unrecognized arguments: --mistake"),
        (
            [
                "(EngineCore_0) ValueError: To serve at least one request with max seq len (131072), 16.00 GiB is needed",
                "(APIServer) Traceback (most recent call last):",
                '(APIServer)   File "/app/vllm/v1/engine/core_client.py", line 10, in __init__',
                "(APIServer) RuntimeError: Engine core initialization failed. See root cause above.",
            ],
            "(EngineCore_0) ValueError: To serve at least one request with max seq len (131072), 16.00 GiB is needed",
        ),
        (
            ["OSError: You are trying to access a gated repo.", "Make sure to have access to it.", "Bye."],
            "OSError: You are trying to access a gated repo.",
        ),
        (
            [
                "pydantic_core.ValidationError: 1 validation error for ModelConfig",
                "  Value error, User-specified max_model_len (9000000) is greater than the derived max_model_len",
                "    For further information visit https://errors.pydantic.dev/2.14/v/value_error",
            ],
            "Value error, User-specified max_model_len (9000000) is greater than the derived max_model_len",
        ),
        (
            ["RuntimeError: no room", "WARNING 12-01 01:18:39 [cpu_worker.py:114] libiomp is not found in LD_PRELOAD"],
            "RuntimeError: no room",
        ),
        (
            [
                "0.00.021.320 E gguf_init_from_file: failed to open GGUF file '/models/none.gguf' (No such file)",
                "0.00.029.609 E srv  llama_server: exiting due to model loading error",
            ],
            "0.00.021.320 E gguf_init_from_file: failed to open GGUF file '/models/none.gguf' (No such file)",
        ),
        (["loading", "\x1b[31mggml_cuda: out of memory\x1b[0m", "done"], "ggml_cuda: out of memory"),
        (["loading", "loaded"], "loaded"),
        ([], None),
    ],
)
def test_the_line_that_tells_what_was_wrong_is_found(lines: list[str], told: str | None) -> None:
    assert last_words(log(*lines)) == told


def test_they_are_short_and_show_no_secret() -> None:
    token = "hf_" + "a" * 30
    said = last_words(log(f"error: 401 for {token} " + "x" * 500))
    assert said
    assert len(said) == MOST_CHARACTERS
    assert token not in said


@pytest.mark.parametrize(
    ("how", "ended"),
    [
        ({"exit_code": 1}, "exit code 1"),
        ({"exit_code": 139}, "killed by signal 11"),
        ({"exit_code": 137}, "killed by signal 9"),
        ({"exit_code": 137, "out_of_memory": True}, "out of memory"),
        ({"state": "restarting", "exit_code": 2}, "exit code 2"),
        ({"state": "running"}, None),
        ({"state": "created"}, None),
    ],
)
def test_how_it_ended_is_said(how: dict[str, object], ended: str | None) -> None:
    assert replace(STATE, **how).ended == ended  # type: ignore[arg-type]
