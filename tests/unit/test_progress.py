"""Progress on a terminal and off it: the step, and what each host was last heard doing."""

from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Group

from orchestrator.cli.bar import HostsBar
from orchestrator.cli.display import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "10")
    return stream


def shown(bar: HostsBar) -> list[str]:
    """Without colours."""
    with bar.console.capture() as drawn:
        bar.console.print(Group(*bar.get_renderables()))
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in drawn.get().splitlines()]


@pytest.mark.usefixtures("terminal")
def test_each_host_has_a_line_with_its_latest_word_until_the_step_ends() -> None:
    bar = HostsBar(3, ["gpu-1", "gpu-20", "front"])
    bar.step("Containers", first=True)
    for line in ("gpu-20: Start the containers", "gpu-1: Copy files", "gpu-1: Wait: 3 of 4", "all: of them"):
        bar.say(line)

    head, *hosts = shown(bar)
    assert "Containers" in head
    assert "all: of them" in head
    assert [line.split() for line in hosts] == [
        ["gpu-1", *["Wait:", "3", "of", "4"]],
        ["gpu-20", *["Start", "the", "containers"]],
    ]

    bar.step("Cards", first=False)
    assert len(shown(bar)) == 1


@pytest.mark.usefixtures("terminal")
def test_fifty_hosts_do_not_push_the_bar_off_the_terminal() -> None:
    bar = HostsBar(None, [f"gpu-{number:02}" for number in range(50)])
    for number in range(50):
        bar.say(f"gpu-{number:02}: Start")

    lines = shown(bar)
    assert len(lines) == 7
    assert "gpu-49" in lines[-1]  # the latest that were heard


@pytest.mark.usefixtures("terminal")
def test_a_host_alone_speaks_behind_the_bar() -> None:
    bar = HostsBar(1, ["here"])
    bar.say("here: Start")

    assert len(shown(bar)) == 1


def test_off_a_terminal_every_line_is_printed_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(verbose=False, hosts=["a", "b"]) as progress:
        progress.step("Containers")
        progress.say("a: Start")

    assert [line.partition(" s  ")[2] for line in capsys.readouterr().err.splitlines()] == ["Containers", "  a: Start"]
