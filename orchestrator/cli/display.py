"""Where commands print: results on stdout as text or one JSON document, progress and notes on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from rich.status import Status


def emit(document: object, *, text: str, output: str) -> None:
    """Print the result once, in the form that was asked for."""
    click.echo(json.dumps(document, ensure_ascii=False) if output == "json" else text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of text, aligned by what a terminal shows."""
    from rich.cells import cell_len

    lines = [list(header), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(header))]

    def padded(line: Sequence[str]) -> str:
        return "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()

    return "\n".join(map(padded, lines))


class Progress:
    """Says what a workflow is doing: a live line on a terminal, plain lines otherwise. A context manager."""

    def __init__(self, *, verbose: bool) -> None:
        self.verbose = verbose
        self.live = sys.stderr.isatty()
        self.begun = time.monotonic()
        self.title = ""
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self.live:
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def pause(self) -> None:
        """Stop the live line, to ask something."""
        if self._status:
            self._status.stop()

    def step(self, title: str) -> None:
        self.title = title
        if self._status:
            self._status.update(f"{title} …")
        else:
            self._print(title)

    def say(self, line: str) -> None:
        if self._status:
            from rich.markup import escape

            self._status.update(f"{self.title}: {escape(line)}")
            if self.verbose:
                self._status.console.print(f"  {line}", markup=False, highlight=False)
        else:
            self._print(f"  {line}")

    def _print(self, line: str) -> None:
        click.echo(f"{time.monotonic() - self.begun:6.1f} s  {line}", err=True)


def section(title: str, lines: Iterable[str]) -> list[str]:
    """A titled block for a summary; nothing when there are no lines."""
    lines = list(lines)
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def pairs(values: Mapping[str, str]) -> list[str]:
    """`name   value` lines, aligned."""
    width = max(map(len, values), default=0)
    return [f"{name:<{width}}  {value}" for name, value in values.items()]
