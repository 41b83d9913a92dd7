"""200 cards, as `workshop handouts` makes them: the whole process, with nothing to reuse."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pypdf import PdfReader

from orchestrator.state.folder import StateFolder
from orchestrator.state.seats import CountedSeats
from orchestrator.state.state import State

if TYPE_CHECKING:
    from tests.bench.conftest import Report

CARDS, PER_PAGE = 200, 8
RUNS = 5


def test_cards(report: Report, tmp_path: Path) -> None:
    spec, state_dir = tmp_path / "workshop.yaml", tmp_path / "state"
    model = {"name": "m", "engine": "external", "base_url": "https://api.example.org/v1", "source": "m"}
    document = {
        "name": "cards",
        "title": "A class of 200",
        "public": {"host": "llm.example.org"},
        "participants": {"count": CARDS},
        "handouts": {"per_page": PER_PAGE},
        "models": [model],
    }
    spec.write_text(json.dumps(document), encoding="utf-8")
    with State.open(StateFolder.for_spec(spec, "cards", state_dir)) as state:
        state.begin("cards", spec)
        state.people.reconcile(CountedSeats(CARDS))

    def print_into(folder: Path) -> float:
        command = [str(Path(sys.executable).with_name("workshop")), "handouts", str(spec)]
        begun = time.perf_counter()
        subprocess.run(
            [*command, "--state-dir", str(state_dir), "--to", str(folder)], check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - begun

    runs = [print_into(tmp_path / f"handouts-{number}") for number in range(RUNS)]
    assert len(PdfReader(tmp_path / "handouts-0" / "cards.pdf").pages) == CARDS / PER_PAGE
    report(f"{CARDS} cards as PDF", "s", runs, floor=2, aim=1, beside="the whole process, with the CSV and the guide")
