"""`workshop` in this process: all that it does and says but for starting Python anew, which takes longer than the rest."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
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


def ask(folder: Path, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """In this folder, as at a terminal that is none."""
    out, err = StringIO(), StringIO()
    on_termination = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            status = run(workshop, arguments)
        finally:
            signal.signal(signal.SIGTERM, on_termination)
    return Answer(status, out.getvalue(), err.getvalue())
