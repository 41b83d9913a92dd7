"""Programs in Python that work on a workshop's state at the same time, and may be killed over it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orchestrator
from orchestrator.state.folder import StateFolder


@contextmanager
def another_process(program: str, folder: StateFolder, says: str) -> Iterator[subprocess.Popen[str]]:
    """One that was given the folder and has said a line. It ends with its standard input, if it was not killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(orchestrator.__file__).parents[1],
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == f"{says}\n"
        try:
            yield child
        finally:
            if child.poll() is None:
                child.communicate(timeout=10)
