"""Puts the figures of a bench run into the table of performance.md.

WORKSHOP_BENCH_RESULTS=results.jsonl make bench
python docs/figures.py results.jsonl
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("performance.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEADER = ("what", "median (lowest to highest, runs)", "floor", "aim", "verdict", "beside")


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_table(page, latest(Path(arguments[0]).read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


def latest(lines: str) -> list[dict[str, Any]]:
    """The last figure of each kind, in the order in which kinds first came."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in filter(str.strip, lines.splitlines()):
        figure = json.loads(line)
        of = figure.get("of", "")
        if "missing" in figure:  # it stands for all that was measured of this in an earlier run
            found = {key: kept for key, kept in found.items() if key[0] != of}
        else:
            found.pop((of, ""), None)
        found[of, figure.get("what", "")] = figure
    return list(found.values())


def with_table(page: str, figures: list[dict[str, Any]]) -> str:
    """The page with what stands between its two marks made anew. Raises ValueError where they are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    measured = [figure for figure in figures if "missing" not in figure]
    machines = sorted({figure["machine"] for figure in measured})
    days = sorted({figure["at"][:10] for figure in measured})
    table = [f"Measured on {' and '.join(days)}: {'; '.join(machines)}.", "", _row(HEADER), "|---" * len(HEADER) + "|"]
    table += [_row(_cells(figure)) for figure in measured if not figure.get("of")]
    return "\n".join([head + begin, "", *table, *_compared(figures), "", end + tail])


def _compared(figures: list[dict[str, Any]]) -> list[str]:
    """A table of the figures that are `of` something: a row for each thing, a column for each figure."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for figure in figures:
        if of := figure.get("of"):
            rows.setdefault(of, {})[figure.get("what", "")] = figure
    measured = [figure for row in rows.values() for figure in row.values() if "missing" not in figure]
    columns = {figure["what"]: f"{figure['what']} ({figure['unit']})" for figure in measured}
    if not columns:
        return []
    table = ["", "Side by side, in turns, before the same model servers:", "", _row(("", *columns.values()))]
    table.append("|---" * (len(columns) + 1) + "|")
    notes = [f"{of} was not measured: {row['']['missing']}" for of, row in rows.items() if "" in row]
    table += [_row((of, *(_short(row.get(what)) for what in columns))) for of, row in rows.items() if "" not in row]
    return [*table, *(line for note in notes for line in ("", note))]


def _short(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return ""
    spread = "" if len(figure["samples"]) == 1 else f" ({number(figure['low'])} to {number(figure['high'])})"
    return f"**{number(figure['median'])}**{spread}" + (f"; {figure['beside']}" if figure["beside"] else "")


def _cells(figure: dict[str, Any]) -> tuple[str, ...]:
    low, median, high = (number(figure[name]) for name in ("low", "median", "high"))
    measured = f"**{median} {figure['unit']}** ({low} to {high}, {len(figure['samples'])})"
    floor, aim = ("" if figure[name] is None else number(figure[name]) for name in ("floor", "aim"))
    return figure["what"], measured, floor, aim, figure["verdict"], figure["beside"]


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def number(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{float(f'{value:.3g}'):.10f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
