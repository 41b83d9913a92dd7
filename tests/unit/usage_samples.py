"""Lines as the gateway writes them, and log files that are held in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


def line(number: int, **members: Any) -> bytes:
    """One whole line, answered well unless `members` say otherwise."""
    document = {
        "time": "2026-12-01T09:00:00+00:00",
        "participant": "p01",
        "via": None,
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": "tiny",
        "upstream": "tiny",
        "backend": "tiny-1",
        "attempts": 1,
        "status": 200,
        "error": None,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "estimated": False,
        "ttft": 0.25,
        "complete": True,
        "duration": 1.5,
        "bytes": 600,
        "id": f"{number:032x}",
    }
    return json.dumps(document | members, separators=(",", ":")).encode() + b"\n"


@dataclass
class Held:
    """A log file; `pieces` is how many bytes come at once."""

    content: bytes
    pieces: int = 1000

    def piece(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]

    def read(self, offset: int) -> Iterator[bytes]:
        for start in range(offset, len(self.content), self.pieces):
            yield self.content[start : start + self.pieces]
