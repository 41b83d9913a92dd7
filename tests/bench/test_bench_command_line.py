"""What a person waits for at the prompt before anything happens."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.conftest import Report

RUNS = 20


def seconds(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def test_help(report: Report) -> None:
    program = str(Path(sys.executable).with_name("workshop"))
    seconds(program, "--help")  # from now on the files are in memory
    pairs = [(seconds(program, "--help"), seconds(sys.executable, "-c", "pass")) for _ in range(RUNS)]
    python = statistics.median(pair[1] for pair in pairs)
    report(
        "`workshop --help`",
        "s",
        [pair[0] for pair in pairs],
        floor=0.3,
        aim=0.15,
        beside=f"Python alone {python:.3f} s",
    )
