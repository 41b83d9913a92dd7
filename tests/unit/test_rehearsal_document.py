"""What `workshop rehearse` tells: one JSON document by its schema, and a text with the answer first."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.checks.rehearsal.document import document
from orchestrator.checks.rehearsal.result import Rehearsal
from orchestrator.checks.rehearsal.values import SignIn
from orchestrator.cli.commands.rehearse import text
from tests.unit.rehearsal_samples import answer, growing, late, rehearsal, step
from tests.unit.test_cli_documents import problems

FILES = {"json": Path("/x/rehearsal.json"), "picture": Path("/x/rehearsal.svg")}
FAILED = answer(first=None, tokens=0, error="429 rate_limit_exceeded", over="webui")
FULL = rehearsal(
    step(16), late(30, queue=growing(11, cache=0.5)), step(20, [FAILED, answer()], stopped="errors"), practice=True
)


@pytest.mark.parametrize(
    "done", [FULL, rehearsal(), rehearsal(step(30), sign_ins=(SignIn("a", 1.5), SignIn("b", 60, "no answer")))]
)
def test_it_follows_its_schema(done: Rehearsal) -> None:
    assert problems("rehearse", document(done, FILES)) == []


def test_it_says_who_is_served_and_what_limits_it() -> None:
    told = document(FULL, FILES)
    assert (told["ok"], told["people"], told["served"]) == (False, 30, 16)
    assert told["answer"] == "16 of 30 at once with the first token under 2 s and 15 tokens/s for 95 % of the answers"
    assert isinstance(told["steps"], list)
    assert [one["people"] for one in told["steps"]] == [16, 20, 30]
    assert told["steps"][1]["errors"] == {"429 rate_limit_exceeded": 1}
    assert told["steps"][2]["queues"][0]["waiting_max"] == 11


def test_the_text_begins_with_the_answer_and_ends_with_the_files() -> None:
    lines = text(FULL, document(FULL, FILES)).splitlines()
    assert lines[0].startswith("16 of 30 at once with")
    assert lines[2].startswith("To do: ")
    assert lines[-1] == "/x/rehearsal.svg"
    assert any(line.startswith("20 ") and "1 x 429 rate_limit_exceeded" in line for line in lines)
