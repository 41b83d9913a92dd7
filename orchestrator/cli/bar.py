"""The bar on a terminal: how far the whole command is, and below it what each host was last heard doing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

ABOVE = 4  # lines of the terminal that hosts leave free


class HostsBar(Progress):
    """`hosts` get a line each, from the first word of theirs to the end of the step. One host alone needs none."""

    def __init__(self, steps: int | None, hosts: Collection[str]) -> None:
        self._terminal = Console(stderr=True)
        self._hosts = frozenset(hosts) if len(hosts) > 1 else frozenset()
        self._heard: dict[str, str] = {}  # the latest last
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", markup=False, style="dim"),
            console=self._terminal,
            transient=True,
        )
        self._task = self.add_task("", total=steps, detail="")

    def step(self, title: str, *, first: bool) -> None:
        self._heard.clear()
        self.update(self._task, description=title, detail="", advance=0 if first else 1)

    def say(self, line: str) -> None:
        host, colon, said = line.partition(": ")
        if colon and host in self._hosts:
            self._heard.pop(host, None)
            self._heard[host] = said
        else:
            self.update(self._task, detail=line)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        room = max(1, self._terminal.height - ABOVE)
        heard = sorted(list(self._heard.items())[-room:])
        width = max((len(host) for host, _ in heard), default=0)
        for host, said in heard:
            yield Text(f"  {host:<{width}}  {said}", style="dim", no_wrap=True, overflow="ellipsis")
