"""How far a long transfer is, said now and then: a line each few seconds, not for each piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable

SECONDS = 3.0  # between two lines
_GIB, _MIB = 1 << 30, 1 << 20


def metered(
    pieces: Iterable[bytes], what: str, total: int | None, report: Callable[[str], None], seconds: float = SECONDS
) -> Generator[bytes, None, None]:
    """`total` bytes are expected; None: nobody knows."""
    said, sent = time.monotonic(), 0
    for piece in pieces:
        yield piece
        sent += len(piece)
        if time.monotonic() - said >= seconds:
            said = time.monotonic()
            report(f"{what}: {size_text(sent)}" + (f" of {size_text(total)}" if total else ""))


def size_text(size: float) -> str:
    """For people."""
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
