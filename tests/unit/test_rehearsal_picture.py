"""The picture of a rehearsal: well-formed, whatever people are called, and every point within it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from orchestrator.checks.rehearsal.picture import picture
from orchestrator.checks.rehearsal.result import Rehearsal
from orchestrator.resources import TEMPLATES
from tests.unit.rehearsal_samples import answer, growing, late, rehearsal, step

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "]]><script>alert('x')</script> {{7*7}} & \"quoted\" \u202egnihton\u0007 ${HOME}"


def drawn(done: Rehearsal) -> ET.Element:
    return ET.fromstring(picture(done, TEMPLATES / "rehearsal"))  # noqa: S314 - made here


def words(root: ET.Element) -> str:
    return " ".join(text for element in root.iter(f"{SVG}text") for text in element.itertext())


def test_it_says_the_verdict_and_draws_every_step() -> None:
    root = drawn(rehearsal(step(1), step(8), step(16), late(30, queue=growing(11))))
    assert "16 of 30 at once" in words(root)
    assert "the queue of model-x-1 on gpu-2 grows" in " ".join(words(root).split())
    assert "bound: 2 s" in words(root)
    waiting = next(line for line in root.iter(f"{SVG}polyline") if "most" in line.attrib["class"])
    assert len(waiting.attrib["points"].split()) == 4


def test_a_hostile_name_is_only_text() -> None:
    root = drawn(rehearsal(step(30), title=HOSTILE))
    assert [element.tag for element in root.iter() if "script" in element.tag.lower()] == []
    text = words(root)
    assert "<script>alert('x')</script> {{7*7}}" in text
    assert "\u202e" not in text
    assert "\u0007" not in text


@pytest.mark.parametrize(
    "done",
    [
        rehearsal(),
        rehearsal(step(1), people=1),
        rehearsal(step(1, [answer(first=60, rate=0.1)])),
        rehearsal(step(1, [answer(first=None, error="502 bad_gateway", tokens=0)], stopped="errors")),
        rehearsal(*(step(2**power) for power in range(9)), late(500), people=500),
    ],
    ids=["nothing", "one", "far beyond the bound", "only errors", "a large class"],
)
def test_every_point_lies_within_it(done: Rehearsal) -> None:
    root = drawn(done)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for dot in root.iter(f"{SVG}circle"):
        assert 0 < float(dot.attrib["cx"]) < width
        assert 0 < float(dot.attrib["cy"]) < height
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["y"]) <= height


def test_what_is_beyond_the_bound_is_shaded_and_a_served_class_is_not() -> None:
    def shades(done: Rehearsal) -> int:
        return sum(element.attrib.get("class") == "beyond" for element in drawn(done).iter(f"{SVG}rect"))

    assert shades(rehearsal(step(16), step(30))) == 0
    assert shades(rehearsal(step(16), late(30))) == 3
