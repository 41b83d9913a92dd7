"""Asks for a passphrase: on the terminal, from a private file or from stdin; never as an argument or a variable."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from pydantic import SecretStr

from orchestrator.cli.private_line import read_private_line
from orchestrator.errors import UserError

passphrase_option = click.option(
    "--passphrase-file",
    "source",
    metavar="FILE",
    help="Read the passphrase from the first line of a file that only you can read; - is stdin.",
)


def asker(source: str | None, on_terminal: Callable[[], SecretStr]) -> Callable[[], SecretStr]:
    """Raises click.UsageError (exit code 2) at once where there is neither a file nor somebody to ask."""
    if source is not None:
        return lambda: read_private_line(source, "passphrase")
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
