"""What a bench's figure may claim, and the table that is made of figures."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def loaded(path: str) -> Any:
    """A file that is in no package, as a module."""
    name = Path(path).stem + "_of_" + Path(path).parent.name
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


bench = loaded("tests/bench/conftest.py")
page = loaded("docs/figures.py")


def verdict(*samples: float, **bounds: Any) -> str:
    return str(bench.Figure(what="x", unit="s", samples=samples, **bounds).verdict)


@pytest.mark.parametrize(
    ("samples", "bounds", "said"),
    [
        ((1.0, 1.1, 1.2), {"floor": 5, "aim": 2}, "meets the aim"),
        ((3.0, 3.1, 3.2), {"floor": 5, "aim": 2}, "meets the floor; misses the aim"),
        ((1.7, 1.9, 2.2), {"floor": 5, "aim": 2}, "meets the floor; within the spread of the aim"),
        ((4.6, 4.9, 5.3), {"floor": 5, "aim": 2}, "within the spread of the floor"),
        ((6.0, 6.1, 6.2), {"floor": 5, "aim": 2}, "misses the floor"),
        ((0.5, 0.51, 0.52), {"aim": 0.4, "more_is_better": True}, "meets the aim"),
        ((0.2, 0.21, 0.22), {"aim": 0.4, "more_is_better": True}, "misses the aim"),
        ((-0.1, 0.0, 0.1), {"floor": 1, "aim": 0}, "meets the floor; within the spread of the aim"),
        ((1.0, 1.1), {"floor": 5}, "not judged: 2 runs"),
        ((1.0,), {}, "no floor is set"),
    ],
)
def test_a_figure_claims_no_more_than_its_runs_show(
    samples: tuple[float, ...], bounds: dict[str, Any], said: str
) -> None:
    assert verdict(*samples, **bounds) == said


def test_a_figure_as_near_to_its_floor_as_its_runs_to_each_other_is_no_pass() -> None:
    assert verdict(4.0, 4.2, 4.4, floor=4.7, aim=1) == "meets the floor; misses the aim"
    assert verdict(4.0, 4.3, 4.4, floor=4.7, aim=1) == "within the spread of the floor"


def test_the_table_holds_the_last_figure_of_each_kind() -> None:
    first, second = (bench.Figure(what="a|b", unit="s", samples=(n, n, n), floor=5).as_dict() for n in (1.0, 2.0))
    other = bench.Figure(what="c", unit="µs", samples=(123456.0,), beside="more").as_dict()
    text = page.with_table(
        f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n",
        page.latest("\n".join(map(json.dumps, (first, other, second)))),
    )
    assert text.startswith(f"before\n{page.BEGIN}\n")
    assert text.endswith(f"{page.END}\nafter\n")
    assert "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| a\\|b | **2 s** (2 to 2, 3) | 5 |  | meets the floor |  |",
        "| c | **123000 µs** (123000 to 123000, 1) |  |  | no floor is set | more |",
    ]


def test_figures_of_things_that_are_compared_make_a_table_of_their_own() -> None:
    lines = [
        bench.Figure(what="speed", unit="a second", samples=(1.0, 2.0, 3.0), of="ours").as_dict(),
        bench.Figure(what="memory", unit="MiB", samples=(7.0,), of="ours", beside="RSS 9").as_dict(),
        bench.Figure(what="speed", unit="a second", samples=(1.0,), of="gone").as_dict(),
        {"of": "gone", "missing": "it does not start"},
        {"of": "back", "missing": "not yet"},
        bench.Figure(what="speed", unit="a second", samples=(5.0,), of="back").as_dict(),
    ]
    text = page.with_table(f"{page.BEGIN}\n{page.END}", page.latest("\n".join(map(json.dumps, lines))))
    assert [line for line in text.splitlines() if line.startswith(("| ", "gone"))][1:] == [
        "|  | speed (a second) | memory (MiB) |",
        "| ours | **2** (1 to 3) | **7**; RSS 9 |",
        "| back | **5** |  |",
        "gone was not measured: it does not start",
    ]


def test_a_page_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no <!-- figures"):
        page.with_table("nothing here", [])
