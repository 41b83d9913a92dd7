"""From the command to a class that was proven to work, with images present; and again, with nothing to do.

What begins with a bare machine can't be measured from inside it: bare_machine.sh says how.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from orchestrator.spec.components import Component

if TYPE_CHECKING:
    from tests.bench.conftest import BenchWorkshop, Report

ROOT = Path(__file__).parents[2]
AGAIN = 5
SMALL = {
    "title": "A small class",
    "participants": {"count": 8, "spare": 2},
    "models": [{"name": "tiny", "engine": "llamacpp", "source": "ggml-org/models/tinyllamas/stories260K.gguf"}],
}


def practice() -> dict[str, Any]:
    """The workshop.yaml of this repository."""
    document: dict[str, Any] = YAML(typ="safe").load((ROOT / "workshop.yaml").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize(
    ("name", "document", "what", "floor", "aim"),
    [
        ("bench-small", SMALL, "one llama.cpp model and Open WebUI", None, None),
        ("bench-practice", practice(), "the practice workshop", 60, 30),
    ],
)
def test_provision_and_again(
    new_workshop: Callable[..., BenchWorkshop],
    report: Report,
    image: Callable[[Component], str],
    rounds: int,
    name: str,
    document: dict[str, Any],
    what: str,
    floor: float | None,
    aim: float | None,
) -> None:
    for component in (Component("gateway"), Component("webui"), Component("llamacpp")):
        image(component)
    workshop = new_workshop(dict(document), name)
    fresh: list[float] = []
    again: list[float] = []
    said: dict[str, Any] = {}
    for number in range(rounds):
        seconds, said = workshop.provision()
        assert said["ok"]
        assert said["changed"]
        fresh.append(seconds)
        if number + 1 == rounds:
            again = [unchanged(workshop) for _ in range(AGAIN)]
        workshop.teardown()
    beside = "; ".join([f"{len(said['checks'])} checks", *said["notes"]])
    report(f"{what}, images present, to verified", "s", fresh, floor=floor, aim=aim, beside=beside)
    report(f"`provision` again, nothing changed: {what}", "s", again, floor=5, aim=2, beside="one host")


def unchanged(workshop: BenchWorkshop) -> float:
    seconds, said = workshop.provision()
    assert (said["ok"], said["changed"]) == (True, 0)
    return seconds
