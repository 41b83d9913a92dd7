"""Where a workflow says what it is doing."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Where a workflow says what it is doing: a progress display, or plain lines."""

    def step(self, title: str) -> None:
        """A new step begins."""

    def say(self, line: str) -> None:
        """Something within the step, worth a line of its own."""
