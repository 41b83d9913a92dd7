"""Reads a secret that somebody gives to a command: from a private file or from stdin, never as an argument."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from pydantic import SecretStr

from orchestrator.errors import UserError, Where

OTHERS = 0o077
LONGEST = 4096  # bytes
STDIN = "-"


def read_private_line(source: str, what: str) -> SecretStr:
    """The first line of a file that only its owner can read, or of stdin; `what` it is: passphrase, key.

    Raises UserError `WHAT_missing`, `WHAT_exposed`, `file_unreadable`.
    """
    content = sys.stdin.buffer.read(LONGEST) if source == STDIN else _private(Path(source), what)
    try:
        line = (content.decode("utf-8").splitlines() or [""])[0]
    except UnicodeDecodeError:
        line = ""
    if not line:
        place = "stdin" if source == STDIN else "the file"
        where = Where(file=None if source == STDIN else Path(source))
        hint = "Put it on the first line, as UTF-8"
        raise UserError(f"{what}_missing", f"there is no {what} in {place}", where=where, hint=hint)
    return SecretStr(line)


def _private(path: Path, what: str) -> bytes:
    where = Where(file=path)
    try:
        with path.open("rb") as file:
            mode, content = path.stat().st_mode, file.read(LONGEST)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        hint = "Give the path of a file with it"
        raise UserError("file_unreadable", f"cannot be read: {reason}", where=where, hint=hint) from None
    if stat.S_ISREG(mode) and mode & OTHERS:
        message = f"other users of this machine can read this {what} (mode {mode & 0o777:o})"
        raise UserError(f"{what}_exposed", message, where=where, hint=f"chmod 600 {path}")
    return content
