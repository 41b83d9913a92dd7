"""Waiting for what comes about a moment later: logs, reloads, processes that start."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(found: Callable[[], T | None], seconds: float = 20) -> T:
    """What `found` gives as soon as it gives something."""
    end = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return value
