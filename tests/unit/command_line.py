"""`workshop` in this process: all that it does and says but for starting Python anew, which takes longer than the rest."""

from __future__ import annotations

import gc
import signal
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from types import MappingProxyType

import pytest

from orchestrator.cli.app import workshop
from orchestrator.cli.outcome import run


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


def ask(folder: Path, *arguments: str, environment: Mapping[str, str] = MappingProxyType({}), said: str = "") -> Answer:
    """In this folder, as at a terminal that is none; `said` is what stdin has."""
    out, err = StringIO(), StringIO()
    on_termination = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr("sys.stdin", TextIOWrapper(BytesIO(said.encode())))
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            status = run(workshop, arguments)
        finally:
            signal.signal(signal.SIGTERM, on_termination)
    return Answer(status, out.getvalue(), err.getvalue())


def ask_docker_in_vain(folder: Path, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """Where Docker is to be asked and does not answer: its SDK leaves the socket open then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        answer = ask(folder, *arguments, environment={**environment, "DOCKER_HOST": f"unix://{folder}/no-docker.sock"})
        gc.collect()
    return answer
