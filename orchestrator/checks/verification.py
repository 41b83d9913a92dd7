"""Ask everything, side by side, and tell it in a fixed order."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.checks.check import Check
from orchestrator.checks.subject import Subject


def verify(subject: Subject, *, report: Callable[[Check], None], workers: int = 4) -> tuple[Check, ...]:
    raise NotImplementedError
