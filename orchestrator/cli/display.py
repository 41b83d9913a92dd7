"""Where commands print: results on stdout as text or one JSON document, progress and notes on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from orchestrator.cli.bar import HostsBar


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
    """Says what a workflow is doing: a bar on a terminal, plain lines otherwise. A context manager.

    `steps` is how many steps there will be; None: nobody knows. `hosts`: whose words get a line each on the terminal.
    """

    def __init__(self, *, verbose: bool, steps: int | None = None, hosts: Collection[str] = ()) -> None:
        self.verbose = verbose
        self.begun = time.monotonic()
        self.title = ""
        self._bar = self._make_bar(steps, hosts) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def pause(self) -> None:
        """Stop the bar, to ask something or because it is over."""
        if self._bar:
            self._bar.stop()

    def step(self, title: str) -> None:
        if self._bar is None:
            self._print(title)
        else:
            self._bar.step(title, first=not self.title)
        self.title = title

    def say(self, line: str) -> None:
        if self._bar is None:
            self._print(f"  {line}")
        elif self.verbose:
            self._bar.console.print(f"  {line}", markup=False, highlight=False)
        else:
            self._bar.say(line)

    def _print(self, line: str) -> None:
        click.echo(f"{time.monotonic() - self.begun:6.1f} s  {line}", err=True)

    @staticmethod
    def _make_bar(steps: int | None, hosts: Collection[str]) -> HostsBar:
        from orchestrator.cli.bar import HostsBar  # rich takes its time

        return HostsBar(steps, hosts)


def section(title: str, lines: Iterable[str]) -> list[str]:
    """A titled block for a summary; nothing when there are no lines."""
    lines = list(lines)
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def pairs(values: Mapping[str, str]) -> list[str]:
    """`name   value` lines, aligned."""
    width = max(map(len, values), default=0)
    return [f"{name:<{width}}  {value}" for name, value in values.items()]
