"""What a program said before it ended, of a log that may be long. Pure."""

from __future__ import annotations

import re

from orchestrator.redaction.looks import without_lookalikes

MOST_CHARACTERS = 200
LINES = 200  # of a log that are looked at
_TELLING = re.compile(
    r"error|exception|invalid|unrecognized|unknown|not found|no such|denied|gated|unauthorized|forbidden|out of memory"
    r"|failed|cannot|can't|could not|unable",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"see (root cause|stack trace|log)|traceback|^\s*(File \"|\^+|raise )|for further information|exiting due to"
    r"|\b(WARNING|WARN|INFO|DEBUG)\b|^[\d.]+ [WID] ",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def last_words(log: str) -> str | None:
    """The last line that tells what was wrong, else the last line; None where nothing was said.

    `log` has a time before each line, as Docker gives it. Without what looks like a secret: it is shown to the room.
    """
    lines = [_COLOUR.sub("", line.partition(" ")[2]).strip() for line in log.splitlines()]
    said = [line for line in lines if line]
    telling = [line for line in said if _TELLING.search(line) and not _ELSEWHERE.search(line)]
    found = (telling or said)[-1:]
    return without_lookalikes(found[0])[:MOST_CHARACTERS] if found else None
