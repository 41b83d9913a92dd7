"""Asks for a passphrase: on the terminal, from a private file or from stdin; never as an argument or a variable."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import click
from pydantic import SecretStr

from orchestrator.errors import UserError, Where

OTHERS = 0o077
LONGEST = 4096  # bytes
STDIN = "-"

passphrase_option = click.option(
    "--passphrase-file",
    "source",
    metavar="FILE",
    help="Read the passphrase from the first line of a file that only you can read; - is stdin.",
)


def asker(source: str | None, on_terminal: Callable[[], SecretStr]) -> Callable[[], SecretStr]:
    """Raises click.UsageError (exit code 2) at once where there is neither a file nor somebody to ask."""
    if source is not None:
        return lambda: _read(source)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("Without a terminal this needs --passphrase-file FILE, or - for stdin.")
    return on_terminal


def ask_twice() -> SecretStr:
    """For an export; an empty answer makes one, which is shown on the terminal, once."""
    from orchestrator.handover.passphrase import SHORTEST, new_passphrase, require_long

    first = _prompt(f"Passphrase, {SHORTEST} characters or more (empty: one is made)")
    if not first.get_secret_value():
        made = new_passphrase()
        click.echo(f"Passphrase: {made.get_secret_value()}\nTell it by another way than the file.", err=True)
        return made
    require_long(first)
    if _prompt("Again") != first:
        raise UserError("passphrase_differs", "the two are not the same", hint="Run the same command again")
    return first


def ask_once() -> SecretStr:
    """For an import."""
    return _prompt("Passphrase")


def _prompt(text: str) -> SecretStr:
    return SecretStr(click.prompt(text, default="", hide_input=True, show_default=False, err=True))


def _read(source: str) -> SecretStr:
    content = sys.stdin.buffer.read(LONGEST) if source == STDIN else _private(Path(source))
    try:
        line = (content.decode("utf-8").splitlines() or [""])[0]
    except UnicodeDecodeError:
        line = ""
    if not line:
        what = "stdin" if source == STDIN else "the file"
        where = Where(file=None if source == STDIN else Path(source))
        hint = "Put it on the first line, as UTF-8"
        raise UserError("passphrase_missing", f"there is no passphrase in {what}", where=where, hint=hint)
    return SecretStr(line)


def _private(path: Path) -> bytes:
    where = Where(file=path)
    try:
        with path.open("rb") as file:
            mode, content = path.stat().st_mode, file.read(LONGEST)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        hint = "Give the path of a file with it"
        raise UserError("file_unreadable", f"cannot be read: {reason}", where=where, hint=hint) from None
    if stat.S_ISREG(mode) and mode & OTHERS:
        message = f"other users of this machine can read this passphrase (mode {mode & 0o777:o})"
        raise UserError("passphrase_exposed", message, where=where, hint=f"chmod 600 {path}")
    return content
