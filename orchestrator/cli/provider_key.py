"""Asks for a provider's key: on the terminal, from a private file or from stdin; never as an argument."""

from __future__ import annotations

import sys

import click
from pydantic import SecretStr

from orchestrator.cli.private_line import read_private_line

key_option = click.option(
    "--api-key-file",
    "source",
    metavar="FILE",
    help="Read the key from the first line of a file that only you can read; - is stdin.",
)


def provider_key(source: str | None, *, may_be_empty: bool) -> SecretStr | None:
    """None: there is none, where that may be.

    Raises click.UsageError where there is neither a file nor somebody to ask, and UserError `key_missing`,
    `key_exposed`, `secret_invalid`.
    """
    from orchestrator.spec.values import require_one_line

    if source is not None:
        key = read_private_line(source, "key")
    elif sys.stdin.isatty() and sys.stderr.isatty():
        key = SecretStr(
            click.prompt(_question(may_be_empty), default="", hide_input=True, show_default=False, err=True)
        )
    else:
        without = ", or --no-key" if may_be_empty else ""
        raise click.UsageError(f"Without a terminal this needs --api-key-file FILE, - for stdin{without}.")
    if not key.get_secret_value() and not may_be_empty:
        raise click.UsageError("A key is needed.")
    require_one_line(key)
    return key if key.get_secret_value() else None


def _question(may_be_empty: bool) -> str:
    return "Key of the provider (empty: none)" if may_be_empty else "New key of the provider"
