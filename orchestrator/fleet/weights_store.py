"""Where weights lie beside hosts and hubs: a folder of the operator's machine, an archive that was loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from orchestrator.engines.container import Fetch


@dataclass(frozen=True, slots=True)
class Kept:
    """One model's tree: `files` and `parts` are lines SIZE SHA256 PATH.

    `open` gives it as a tar, without those paths of `parts` that are named.
    """

    origin: str  # for messages
    files: tuple[str, ...]  # that engines open
    open: Callable[[frozenset[str], threading.Event], Generator[bytes, None, None]]
    parts: tuple[str, ...] = ()  # of which it consists; none: it can only be had as a whole


class Store(Protocol):
    def kept(self, fetch: Fetch) -> Kept | None:
        """What this fetch would bring, complete; None: it is not there."""
